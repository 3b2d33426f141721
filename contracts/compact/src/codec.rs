//! Borsh for the contract: the bytes of the `borsh` crate, read and written by less code.
//!
//! `borsh` checks every field it reads; here a source that runs short remembers it and answers zeros, so that one check
//! at the end does for all fields. That is a tenth of the contract's size, which every call pays for. Outside the contract
//! the same types go through `borsh`; tests hold the two forms equal.
//!
//! A struct gets it by [`crate::fields!`], an enum by [`crate::variants!`].

/// Reads a value that takes up all the bytes; `None` if it does not, or if they are malformed.
#[must_use]
pub fn decode<T: Codec>(bytes: &[u8]) -> Option<T> {
    let mut source = Source { left: bytes, failed: false };
    let value = T::decode(&mut source);
    (!source.failed && source.left.is_empty()).then_some(value)
}

/// The bytes of a value.
#[must_use]
pub fn encode(value: &impl Codec) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    value.encode(&mut out);
    out
}

/// A type with a Borsh form.
pub trait Codec {
    /// Appends the value.
    fn encode(&self, out: &mut Vec<u8>);
    /// Reads a value; any value after the source has failed.
    fn decode(source: &mut Source<'_>) -> Self;
}

/// Bytes to read from.
#[derive(Debug)]
pub struct Source<'a> {
    left: &'a [u8],
    failed: bool,
}

impl<'a> Source<'a> {
    /// Takes so many bytes; none, and the source has failed, if they are not there.
    fn take(&mut self, count: usize) -> &'a [u8] {
        match self.left.split_at_checked(count) {
            Some((taken, left)) => {
                self.left = left;
                taken
            }
            None => {
                self.fail();
                &[]
            }
        }
    }

    /// A value that may be left out at the end.
    pub fn last<T: Codec>(&mut self) -> Option<T> {
        (!self.left.is_empty()).then(|| T::decode(self))
    }

    /// What was read is not the type's: everything after it is void.
    pub fn fail(&mut self) {
        (self.left, self.failed) = (&[], true);
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        self.take(N).try_into().unwrap_or([0; N])
    }

    /// The byte that says which variant of an enum follows.
    pub fn variant(&mut self) -> u8 {
        u8::decode(self)
    }
}

/// An enum is the number of its variant and the variant's fields in order; the first variant stands for unknown numbers,
/// with the source failed.
#[macro_export]
macro_rules! variants {
    ($type:ident { $($number:literal = $variant:ident $(($($place:ident),*))? $({$($field:ident),*})?),* $(,)? } else $first:expr) => {
        impl $crate::codec::Codec for $type {
            fn encode(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant $(($($place),*))? $({$($field),*})? => {
                        out.push($number);
                        $($($crate::codec::Codec::encode($place, out);)*)?
                        $($($crate::codec::Codec::encode($field, out);)*)?
                    })*
                }
            }
            fn decode(source: &mut $crate::codec::Source<'_>) -> Self {
                match source.variant() {
                    $($number => {
                        $($(let $place = $crate::codec::Codec::decode(source);)*)?
                        $($(let $field = $crate::codec::Codec::decode(source);)*)?
                        Self::$variant $(($($place),*))? $({$($field),*})?
                    })*
                    _ => {
                        source.fail();
                        $first
                    }
                }
            }
        }
    };
}

macro_rules! number {
    ($($type:ident),*) => {$(
        impl Codec for $type {
            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
            fn decode(source: &mut Source<'_>) -> Self {
                Self::from_le_bytes(source.array())
            }
        }
    )*};
}
number!(u8, u16, u32, u64, u128);

impl Codec for bool {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
    fn decode(source: &mut Source<'_>) -> Self {
        let byte = source.variant();
        if byte > 1 {
            source.fail();
        }
        byte == 1
    }
}

impl Codec for Vec<u8> {
    fn encode(&self, out: &mut Vec<u8>) {
        length(self.len()).encode(out);
        out.extend_from_slice(self);
    }
    fn decode(source: &mut Source<'_>) -> Self {
        let length = u32::decode(source);
        source.take(length as usize).to_vec()
    }
}

impl Codec for String {
    fn encode(&self, out: &mut Vec<u8>) {
        length(self.len()).encode(out);
        out.extend_from_slice(self.as_bytes());
    }
    fn decode(source: &mut Source<'_>) -> Self {
        let bytes = Vec::decode(source);
        Self::from_utf8(bytes).unwrap_or_else(|_| {
            source.fail();
            Self::new()
        })
    }
}

/// What stands in lists. Bytes have their own form, which is the same and faster.
pub trait Element: Codec {}

impl Element for u16 {}
impl Element for u32 {}
impl Element for u64 {}
impl Element for [u8; 32] {}
impl Element for String {}

impl<T: Element> Codec for Vec<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        length(self.len()).encode(out);
        for value in self {
            value.encode(out);
        }
    }
    fn decode(source: &mut Source<'_>) -> Self {
        let length = u32::decode(source);
        let mut values = Self::new();
        for _ in 0..length {
            if source.failed {
                break;
            }
            values.push(T::decode(source));
        }
        values
    }
}

impl<const N: usize> Codec for [u8; N] {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
    fn decode(source: &mut Source<'_>) -> Self {
        source.array()
    }
}

impl<T: Element, const N: usize> Codec for [T; N] {
    fn encode(&self, out: &mut Vec<u8>) {
        for value in self {
            value.encode(out);
        }
    }
    fn decode(source: &mut Source<'_>) -> Self {
        core::array::from_fn(|_| T::decode(source))
    }
}

impl<T: Codec> Codec for Option<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.is_some()));
        if let Some(value) = self {
            value.encode(out);
        }
    }
    fn decode(source: &mut Source<'_>) -> Self {
        bool::decode(source).then(|| T::decode(source))
    }
}

impl<T: Codec> Codec for Box<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        self.as_ref().encode(out);
    }
    fn decode(source: &mut Source<'_>) -> Self {
        Self::new(T::decode(source))
    }
}

macro_rules! tuple {
    ($($name:ident)*) => {
        impl<$($name: Codec),*> Codec for ($($name,)*) {
            #[expect(non_snake_case, reason = "a value is named like its type")]
            fn encode(&self, out: &mut Vec<u8>) {
                let ($($name,)*) = self;
                $($name.encode(out);)*
            }
            fn decode(source: &mut Source<'_>) -> Self {
                ($($name::decode(source),)*)
            }
        }
    };
}
tuple!(A B);
tuple!(A B C);

fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
