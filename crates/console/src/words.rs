//! Options whose values are words.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// Words that an option takes: each with its help, and what it stands for.
pub type Words<T> = &'static [(&'static str, &'static str, T)];

/// Reads one of these words, and shows all in the help.
pub fn one_of<T: Copy + Send + Sync + 'static>(words: Words<T>) -> impl TypedValueParser<Value = T> {
    let shown = words.iter().map(|(word, help, _)| PossibleValue::new(*word).help(*help));
    let meant = |given: String| words.iter().find(|(word, ..)| *word == given).map(|(.., meant)| *meant);
    PossibleValuesParser::new(shown).try_map(move |given| meant(given).ok_or("no such word"))
}
