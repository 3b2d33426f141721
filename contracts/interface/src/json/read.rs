//! Reading: a cursor over the text, and the types that can be read from it.

use crate::{
    amount::Amount,
    ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
};

/// Arrays and objects inside each other at most, where they are passed over.
const DEPTH_MAX: u8 = 32;

/// A text that is not the JSON that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` is missing, malformed or out of range")]
pub struct ReadError {
    /// The field that could not be read, or was not there; empty where the text is no JSON at all.
    pub field: &'static str,
}

/// A type that can be read.
pub trait Read: Sized {
    /// Reads the value at the cursor.
    ///
    /// # Errors
    /// It is something else, or malformed.
    fn read(reader: &mut Reader<'_>) -> Result<Self, ReadError>;
}

/// Reads a whole text.
///
/// # Errors
/// It is no JSON, not of this type, or goes on after the value.
pub fn parse<T: Read>(text: &str) -> Result<T, ReadError> {
    let mut reader = Reader { text: text.as_bytes(), at: 0, field: "" };
    let value = T::read(&mut reader)?;
    match reader.next() {
        None => Ok(value),
        Some(_) => Err(ReadError { field: "" }),
    }
}

/// Reads the value of a field.
macro_rules! read_field {
    ($reader:ident) => {
        $crate::json::Read::read($reader)?
    };
    ($reader:ident optional) => {
        $crate::json::Read::read($reader)?
    };
    ($reader:ident hex) => {
        $reader.hex()?
    };
    ($reader:ident hex_optional) => {
        $reader.hex()?
    };
    ($reader:ident bytes) => {
        $reader.bytes()?
    };
}
pub(crate) use read_field;

/// Whether a field has to be there.
macro_rules! is_needed {
    (optional) => {
        false
    };
    (hex_optional) => {
        false
    };
    ($($via:ident)?) => {
        true
    };
}
pub(crate) use is_needed;

/// The cursor.
#[derive(Debug)]
pub struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    /// The field that is being read, for the error.
    pub(crate) field: &'static str,
}

impl Reader<'_> {
    pub(crate) const fn error(&self) -> ReadError {
        ReadError { field: self.field }
    }

    /// The next byte that is no space, if there is one.
    fn next(&mut self) -> Option<u8> {
        while let Some(byte) = self.text.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    /// Passes the byte if it is next.
    fn take(&mut self, byte: u8) -> bool {
        let found = self.next() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), ReadError> {
        if self.take(byte) { Ok(()) } else { Err(self.error()) }
    }

    /// Passes these bytes if they are next.
    fn take_word(&mut self, word: &[u8]) -> bool {
        let found = self.next().is_some() && self.text[self.at..].starts_with(word);
        self.at += if found { word.len() } else { 0 };
        found
    }

    /// Reads an object, field by field; whatever `field` gets it must read or skip.
    ///
    /// # Errors
    /// It is no object, or a field cannot be read.
    pub fn object(&mut self, field: &mut dyn FnMut(&mut Self, &str) -> Result<(), ReadError>) -> Result<(), ReadError> {
        self.expect(b'{')?;
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            let key = self.string()?;
            self.expect(b':')?;
            field(self, &key)?;
            if !self.take(b',') {
                return self.expect(b'}');
            }
        }
    }

    /// Reads an array, element by element.
    pub(crate) fn array(
        &mut self,
        element: &mut dyn FnMut(&mut Self) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        self.expect(b'[')?;
        if self.take(b']') {
            return Ok(());
        }
        loop {
            element(self)?;
            if !self.take(b',') {
                return self.expect(b']');
            }
        }
    }

    /// Reads the fields of an object: `field` gets the place of a name and must read its value. Other names are passed over.
    pub(crate) fn fields(
        &mut self,
        names: &'static [&'static str],
        needed: &[bool],
        field: &mut dyn FnMut(&mut Self, usize) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let mut seen = 0_u32;
        self.object(&mut |reader, key| {
            let Some(index) = names.iter().position(|name| *name == key) else {
                return reader.skip();
            };
            seen |= 1 << index;
            reader.field = names[index];
            field(reader, index)
        })?;
        let missing = needed.iter().enumerate().position(|(index, needed)| *needed && seen >> index & 1 == 0);
        missing.map_or(Ok(()), |index| Err(ReadError { field: names[index] }))
    }

    /// Reads the value of a field.
    ///
    /// # Errors
    /// It is something else: the error has the field's name.
    pub fn field<T: Read>(&mut self, name: &'static str) -> Result<T, ReadError> {
        self.field = name;
        T::read(self)
    }

    /// Passes a value over.
    ///
    /// # Errors
    /// It is malformed.
    pub fn skip(&mut self) -> Result<(), ReadError> {
        self.field = "";
        self.skip_within(DEPTH_MAX)
    }

    fn skip_within(&mut self, depth: u8) -> Result<(), ReadError> {
        let depth = depth.checked_sub(1).ok_or(self.error())?;
        match self.next() {
            Some(b'{') => self.object(&mut |reader, _| reader.skip_within(depth)),
            Some(b'[') => self.array(&mut |reader| reader.skip_within(depth)),
            Some(b'"') => self.string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.skip_number(),
            _ if self.take_word(b"true") || self.take_word(b"false") || self.take_word(b"null") => Ok(()),
            _ => Err(self.error()),
        }
    }

    fn skip_number(&mut self) -> Result<(), ReadError> {
        self.at += usize::from(self.text[self.at] == b'-');
        if self.text.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.text.get(self.at) {
            self.at += 1;
            self.at += usize::from(matches!(self.text.get(self.at), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(())
    }

    /// Passes one digit or more.
    fn digits(&mut self) -> Result<(), ReadError> {
        let start = self.at;
        while matches!(self.text.get(self.at), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(self.error()) }
    }

    /// Reads a whole number up to `max`.
    fn number(&mut self, max: u64) -> Result<u64, ReadError> {
        let (first, start) = (self.next(), self.at);
        self.digits()?;
        let digits = &self.text[start..self.at];
        // JSON writes no leading zeros, and a fraction or an exponent is no whole number.
        let whole =
            !matches!(self.text.get(self.at), Some(b'.' | b'e' | b'E')) && (first != Some(b'0') || digits.len() == 1);
        match decimal(digits) {
            Some(value) if whole && value <= u128::from(max) => Ok(u64::try_from(value).unwrap_or(max)),
            _ => Err(self.error()),
        }
    }

    /// Reads a string.
    fn string(&mut self) -> Result<String, ReadError> {
        self.expect(b'"')?;
        let rest = &self.text[self.at..];
        let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)).unwrap_or(rest.len());
        let mut out = rest[..plain].to_vec();
        self.at += plain;
        loop {
            let byte = *self.text.get(self.at).ok_or(self.error())?;
            self.at += 1;
            match byte {
                b'"' => return String::from_utf8(out).map_err(|_| self.error()),
                b'\\' => self.escape(&mut out)?,
                0..0x20 => return Err(self.error()),
                _ => out.push(byte),
            }
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), ReadError> {
        let byte = *self.text.get(self.at).ok_or(self.error())?;
        self.at += 1;
        out.push(match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let mut code = self.hex4()?;
                if (0xD800..0xDC00).contains(&code) {
                    // The first half of a pair.
                    if !self.text[self.at..].starts_with(b"\\u") {
                        return Err(self.error());
                    }
                    self.at += 2;
                    let low = self.hex4()?.checked_sub(0xDC00).filter(|low| *low < 0x400).ok_or(self.error())?;
                    code = 0x1_0000 + ((code - 0xD800) << 10) + low;
                }
                let char = char::from_u32(code).ok_or(self.error())?;
                out.extend(char.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => return Err(self.error()),
        });
        Ok(())
    }

    fn hex4(&mut self) -> Result<u32, ReadError> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.text.get(self.at).and_then(|byte| char::from(*byte).to_digit(16)).ok_or(self.error())?;
            code = code << 4 | digit;
            self.at += 1;
        }
        Ok(code)
    }

    /// Reads any number of bytes written as a hexadecimal string.
    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, ReadError> {
        let text = self.string()?;
        hex::decode(text).map_err(|_| self.error())
    }

    /// Reads bytes written as a hexadecimal string.
    pub(crate) fn hex<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let text = self.string()?;
        let mut bytes = [0; N];
        hex::decode_to_slice(text.as_bytes(), &mut bytes).map_err(|_| self.error())?;
        Ok(bytes)
    }

    /// Whether a string is next.
    pub(crate) fn at_string(&mut self) -> bool {
        self.next() == Some(b'"')
    }

    /// Reads a string that is one of a few words; returns its place.
    pub(crate) fn word(&mut self, words: &[&str]) -> Result<usize, ReadError> {
        let text = self.string()?;
        words.iter().position(|word| *word == text).ok_or(self.error())
    }
}

/// The value of decimal digits below 2^128; `None` if there is anything else, or nothing.
pub(crate) fn decimal(digits: &[u8]) -> Option<u128> {
    if digits.is_empty() {
        return None;
    }
    // Nineteen digits at a time fit 64 bits, which are much faster than 128.
    let (head, tail) = digits.split_at(digits.len() % 19);
    let mut value = u128::from(short(head)?);
    for part in tail.chunks(19) {
        value = value.checked_mul(10_u128.pow(19))?.checked_add(u128::from(short(part)?))?;
    }
    Some(value)
}

/// The value of nineteen digits at most.
fn short(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |value, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        Some(value * 10 + u64::from(digit))
    })
}

macro_rules! read_number {
    ($($type:ident),*) => {$(
        impl Read for $type {
            fn read(reader: &mut Reader<'_>) -> Result<Self, ReadError> {
                reader.number(u64::from($type::MAX)).map(|value| value.try_into().unwrap_or_default())
            }
        }
    )*};
}
read_number!(u8, u16, u32, u64);

macro_rules! read_id {
    ($($type:ident),*) => {$(
        impl Read for $type {
            fn read(reader: &mut Reader<'_>) -> Result<Self, ReadError> {
                Read::read(reader).map(Self)
            }
        }
    )*};
}
read_id!(AccountNo, BatchId, ClassId, LotId, TokenId);

impl Read for bool {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ReadError> {
        let value = reader.take_word(b"true");
        if value || reader.take_word(b"false") { Ok(value) } else { Err(reader.error()) }
    }
}

impl Read for String {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ReadError> {
        reader.string()
    }
}

impl Read for Amount {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ReadError> {
        let text = reader.string()?;
        decimal(text.as_bytes()).map(Self).ok_or(reader.error())
    }
}

impl<T: Read> Read for Option<T> {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ReadError> {
        if reader.take_word(b"null") { Ok(None) } else { T::read(reader).map(Some) }
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ReadError> {
        let mut values = Self::new();
        reader.array(&mut |reader| {
            values.push(T::read(reader)?);
            Ok(())
        })?;
        Ok(values)
    }
}

/// A pair is an array of two.
impl<A: Read, B: Read> Read for (A, B) {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ReadError> {
        reader.expect(b'[')?;
        let first = A::read(reader)?;
        reader.expect(b',')?;
        let second = B::read(reader)?;
        reader.expect(b']')?;
        Ok((first, second))
    }
}
