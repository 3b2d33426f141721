//! Reads items on standard input, writes answers on standard output.

use std::{io, path::PathBuf};

use clap::Parser;
use piecework_digits_worker::{classifier::Kind, image, protocol};

/// Names 8×8 images of handwritten digits for piecework-agent's command executor.
#[derive(Parser)]
#[command(version, about)]
struct Args {
    /// How it decides.
    #[arg(long, value_enum)]
    classifier: Kind,
    /// JSON lines with `pixels` and `digit`; the first 897 are learnt from. Default: the file compiled in.
    #[arg(long, value_name = "FILE")]
    training: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let training = image::training(args.training.as_deref())?;
    let mut classifier = args.classifier.train(training);
    protocol::answer_all(io::stdin().lock(), io::stdout().lock(), classifier.as_mut())
}
