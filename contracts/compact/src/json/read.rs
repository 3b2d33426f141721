//! Reading: a cursor over the text, and the types that can be read from it.

/// A text that is not the JSON that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The text is no JSON, or another kind of value.
    #[error("malformed JSON")]
    Malformed,
    /// A field is missing, malformed or out of range.
    #[error("`{0}` is missing, malformed or out of range")]
    Field(&'static str),
    /// An object has a field that its type lacks.
    #[error("there is no field `{0}`")]
    Unknown(String),
    /// An object has a field twice.
    #[error("`{0}` is given twice")]
    Repeated(&'static str),
}

/// A type that can be read.
pub trait Read: Sized {
    /// Reads the value at the cursor; any value after the reader has failed.
    fn read(reader: &mut Reader<'_>) -> Self;
}

/// Reads a whole text.
///
/// # Errors
/// It is no JSON, not of this type, or goes on after the value.
pub fn parse<T: Read>(text: &str) -> Result<T, ReadError> {
    parse_by(text, T::read)
}

/// Reads a whole text by a function.
///
/// # Errors
/// It is no JSON, the function fails, or the text goes on after the value.
pub fn parse_by<T>(text: &str, read: impl FnOnce(&mut Reader<'_>) -> T) -> Result<T, ReadError> {
    let mut reader = Reader { text: text.as_bytes(), at: 0, field: "", failed: None };
    let value = read(&mut reader);
    if reader.next().is_some() {
        reader.field = "";
        reader.fail();
    }
    reader.failed.map_or(Ok(value), Err)
}

/// The cursor. It remembers its first failure and is at the end of the text from then on, so that one check after
/// reading does for all values.
#[derive(Debug)]
pub struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    /// The field that is being read, for the error.
    field: &'static str,
    failed: Option<ReadError>,
}

impl Reader<'_> {
    /// What was read is not what was asked for.
    pub fn fail(&mut self) {
        self.stop(if self.field.is_empty() { ReadError::Malformed } else { ReadError::Field(self.field) });
    }

    fn stop(&mut self, error: ReadError) {
        self.failed.get_or_insert(error);
        self.at = self.text.len();
    }

    /// The field with this name is missing or wrong.
    pub fn fail_at(&mut self, field: &'static str) {
        self.field = field;
        self.fail();
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

    fn expect(&mut self, byte: u8) {
        if !self.take(byte) {
            self.fail();
        }
    }

    /// Passes these bytes if they are next.
    fn take_word(&mut self, word: &[u8]) -> bool {
        let found = self.next().is_some() && self.text[self.at..].starts_with(word);
        self.at += if found { word.len() } else { 0 };
        found
    }

    /// Reads an object, field by field; `field` must read each value or fail.
    pub fn object(&mut self, field: &mut dyn FnMut(&mut Self, &str)) {
        self.list(b"{}", &mut |reader| {
            let key = reader.string();
            reader.expect(b':');
            field(reader, &key);
        });
    }

    /// Reads an array, element by element.
    pub fn array(&mut self, element: &mut dyn FnMut(&mut Self)) {
        self.list(b"[]", element);
    }

    /// Reads what stands between two brackets, with commas between.
    fn list(&mut self, [open, close]: &[u8; 2], element: &mut dyn FnMut(&mut Self)) {
        self.expect(*open);
        if self.take(*close) {
            return;
        }
        loop {
            element(self);
            if !self.take(b',') {
                return self.expect(*close);
            }
        }
    }

    /// Reads the fields of an object: `field` gets the place of a name and must read its value. Other names, and a name
    /// that comes twice, fail. Those that are `needed` must be there.
    pub fn fields(&mut self, names: &'static [&'static str], needed: &[bool], field: &mut dyn FnMut(&mut Self, usize)) {
        self.fields_and(names, needed, "", field);
    }

    /// The same of an object that may have one field more: its place is behind the others. Nothing, if it has no name.
    pub fn fields_and(
        &mut self,
        names: &'static [&'static str],
        needed: &[bool],
        more: &'static str,
        field: &mut dyn FnMut(&mut Self, usize),
    ) {
        let mut seen = 0_u64;
        self.object(&mut |reader, key| {
            let index = names.iter().position(|name| *name == key);
            let Some(index) = index.or((!more.is_empty() && key == more).then_some(names.len())) else {
                return reader.stop(ReadError::Unknown(key.into()));
            };
            let name = names.get(index).copied().unwrap_or(more);
            if seen >> index & 1 == 1 {
                return reader.stop(ReadError::Repeated(name));
            }
            seen |= 1 << index;
            reader.field = name;
            field(reader, index);
            reader.field = "";
        });
        let missing = needed.iter().enumerate().position(|(index, needed)| *needed && seen >> index & 1 == 0);
        if let Some(index) = missing {
            self.fail_at(names[index]);
        }
    }

    /// Passes one digit or more.
    fn digits(&mut self) {
        let start = self.at;
        while matches!(self.text.get(self.at), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start {
            self.fail();
        }
    }

    /// Reads a whole number up to `max`.
    fn number(&mut self, max: u64) -> u64 {
        let (first, start) = (self.next(), self.at);
        self.digits();
        let digits = &self.text[start..self.at];
        // JSON writes no leading zeros, and a fraction or an exponent is no whole number.
        let whole =
            !matches!(self.text.get(self.at), Some(b'.' | b'e' | b'E')) && (first != Some(b'0') || digits.len() == 1);
        match decimal(digits) {
            Some(value) if whole && value <= u128::from(max) => u64::try_from(value).unwrap_or(max),
            _ => {
                self.fail();
                0
            }
        }
    }

    /// Reads a string.
    fn string(&mut self) -> String {
        self.expect(b'"');
        let mut out = Vec::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)).unwrap_or(rest.len());
            out.extend_from_slice(&rest[..plain]);
            self.at += plain;
            match self.byte() {
                b'"' => break,
                b'\\' => self.escape(&mut out),
                _ => {
                    self.fail();
                    break;
                }
            }
        }
        String::from_utf8(out).unwrap_or_else(|_| {
            self.fail();
            String::new()
        })
    }

    /// Takes the next byte; 0, which no JSON has, and a failure at the end.
    fn byte(&mut self) -> u8 {
        let byte = self.text.get(self.at).copied();
        self.at += 1;
        byte.unwrap_or_else(|| {
            self.fail();
            0
        })
    }

    fn escape(&mut self, out: &mut Vec<u8>) {
        let byte = self.byte();
        out.push(match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let mut code = self.hex4();
                if (0xD800..0xDC00).contains(&code) {
                    // The first half of a pair.
                    let pair = self.byte() == b'\\' && self.byte() == b'u';
                    let low = if pair { self.hex4().wrapping_sub(0xDC00) } else { u32::MAX };
                    code = if low < 0x400 { 0x1_0000 + ((code - 0xD800) << 10) + low } else { u32::MAX };
                }
                match char::from_u32(code) {
                    Some(char) => out.extend(char.encode_utf8(&mut [0; 4]).as_bytes()),
                    None => self.fail(),
                }
                return;
            }
            _ => return self.fail(),
        });
    }

    fn hex4(&mut self) -> u32 {
        (0..4).fold(0, |code, _| match char::from(self.byte()).to_digit(16) {
            Some(digit) => code << 4 | digit,
            None => {
                self.fail();
                0
            }
        })
    }

    /// Reads any number of bytes written as a hexadecimal string.
    pub fn bytes(&mut self) -> Vec<u8> {
        let text = self.string();
        hex::decode(text).unwrap_or_else(|_| {
            self.fail();
            Vec::new()
        })
    }

    /// Reads bytes written as a hexadecimal string.
    pub fn hex<const N: usize>(&mut self) -> [u8; N] {
        self.bytes().try_into().unwrap_or_else(|_| {
            self.fail();
            [0; N]
        })
    }

    /// Whether a string is next.
    pub fn at_string(&mut self) -> bool {
        self.next() == Some(b'"')
    }

    /// Reads a string that is one of a few words; returns its place.
    pub fn word(&mut self, words: &[&str]) -> usize {
        let text = self.string();
        words.iter().position(|word| *word == text).unwrap_or_else(|| {
            self.fail();
            0
        })
    }
}

/// The value of decimal digits below 2^128; `None` if there is anything else, or nothing.
pub fn decimal(digits: &[u8]) -> Option<u128> {
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
            fn read(reader: &mut Reader<'_>) -> Self {
                reader.number(u64::from($type::MAX)).try_into().unwrap_or_default()
            }
        }
    )*};
}
read_number!(u8, u16, u32, u64);

impl Read for bool {
    fn read(reader: &mut Reader<'_>) -> Self {
        let value = reader.take_word(b"true");
        if !value && !reader.take_word(b"false") {
            reader.fail();
        }
        value
    }
}

impl Read for String {
    fn read(reader: &mut Reader<'_>) -> Self {
        reader.string()
    }
}

impl<T: Read> Read for Option<T> {
    fn read(reader: &mut Reader<'_>) -> Self {
        if reader.take_word(b"null") { None } else { Some(T::read(reader)) }
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(reader: &mut Reader<'_>) -> Self {
        let mut values = Self::new();
        reader.array(&mut |reader| values.push(T::read(reader)));
        values
    }
}

/// A pair is an array of two.
impl<A: Read, B: Read> Read for (A, B) {
    fn read(reader: &mut Reader<'_>) -> Self {
        reader.expect(b'[');
        let first = A::read(reader);
        reader.expect(b',');
        let second = B::read(reader);
        reader.expect(b']');
        (first, second)
    }
}
