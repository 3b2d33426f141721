//! Sets of items, and the answers of a copy to them.

#[cfg(feature = "host")]
use piecework_compact::row::Value;
use piecework_compact::{
    json::{Text, push_nibbles},
    row::Field,
};

/// A set of items of a lot, bit i for item i.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Items(pub u64);

impl Field for Items {
    fn write(&self, out: &mut Text) {
        out.push(b'"');
        push_nibbles(self.0, out);
        out.push(b'"');
    }
    #[cfg(feature = "host")]
    fn read(value: &Value) -> Option<Self> {
        let text = value.as_str()?;
        if text.is_empty() { Some(Self(0)) } else { u64::from_str_radix(text, 16).ok().map(Self) }
    }
}
