//! What the command prints: results to stdout, as text or as one JSON value; everything else to stderr.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

/// How results and progress are shown.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
    quiet: bool,
}

impl Output {
    /// With `--json` and `--quiet` as given.
    #[must_use]
    pub const fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    /// Whether results are JSON.
    #[must_use]
    pub const fn is_json(self) -> bool {
        self.json
    }

    /// Prints the result: `value` as one JSON line, or `text`.
    ///
    /// # Errors
    /// If stdout is closed.
    pub fn result(self, value: &impl Serialize, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        let line = if self.json {
            serde_json::to_string(value).context("the result cannot be written as JSON")?
        } else {
            text()
        };
        writeln!(io::stdout().lock(), "{}", line.trim_end()).context("stdout is closed")
    }

    /// Says something on the way, to stderr.
    pub fn note(self, text: impl AsRef<str>) {
        if !self.quiet {
            // A closed stderr must not fail the command.
            drop(writeln!(io::stderr().lock(), "{}", text.as_ref()));
        }
    }

    /// A bar for so many steps, on stderr; hidden when quiet or not on a terminal.
    #[must_use]
    pub fn bar(self, steps: u64, what: &'static str) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(Some(steps), self.target());
        bar.set_style(style("{prefix} {wide_bar:.cyan/dim} {pos}/{len} {msg} {elapsed:.dim}"));
        bar.set_prefix(what);
        bar
    }

    /// A spinner for something of unknown length.
    #[must_use]
    pub fn spinner(self, what: impl Into<String>) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(None, self.target());
        bar.set_style(style("{spinner:.cyan} {msg} {elapsed:.dim}"));
        bar.set_message(what.into());
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    }

    fn target(self) -> ProgressDrawTarget {
        if self.quiet || !io::stderr().is_terminal() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        }
    }
}

fn style(template: &'static str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Rows as aligned text. The first column is left-aligned, the others right-aligned.
#[must_use]
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([head[column].chars().count()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let head = line(head.to_vec());
    let rows = rows.iter().map(|row| line(row.iter().map(String::as_str).collect()));
    [head].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table__should_align_columns() {
        let rows = vec![vec!["a".into(), "10".into()], vec!["long".into(), "5".into()]];
        assert_eq!(table(&["name", "n"], &rows), "name   n\na     10\nlong   5");
    }
}
