//! The JSON of intents and their keys.

use super::{Read, Reader, Text, Write};
use crate::intent::{Draft, Kind, Kinds, PublicKey};

const WORDS: [&str; 5] = ["transfer", "tip", "withdraw", "create_batch", "collect_revenue"];

impl Write for Kind {
    fn write(&self, out: &mut Text) {
        Kinds::of(&[*self]).each(&mut |place| WORDS[place].write(out));
    }
}

impl Write for Kinds {
    fn write(&self, out: &mut Text) {
        let mut before = b'[';
        self.each(&mut |place| {
            out.push(before);
            WORDS[place].write(out);
            before = b',';
        });
        if before == b'[' {
            out.push(b'[');
        }
        out.push(b']');
    }
}

/// A list of kinds.
impl Read for Kinds {
    fn read(reader: &mut Reader<'_>) -> Self {
        let mut kinds = 0;
        reader.array(&mut |reader| kinds |= 1 << reader.word(&WORDS));
        Self(kinds)
    }
}

impl Write for PublicKey {
    fn write(&self, out: &mut Text) {
        self.text().write(out);
    }
}

impl Read for PublicKey {
    fn read(reader: &mut Reader<'_>) -> Self {
        String::read(reader).parse().unwrap_or_else(|_| {
            reader.fail();
            Self([0; 32])
        })
    }
}

impl Draft {
    /// One function reads both levels, because two would be twice the code; each level has its own fields.
    fn field(&mut self, reader: &mut Reader<'_>, inside: bool, key: &str) {
        match (inside, key) {
            (false, "chain_id") => self.chain_id = Read::read(reader),
            (false, "account_id") => self.account_id = Read::read(reader),
            (false, "deadline") => self.deadline = Read::read(reader),
            (false, "kind") => reader.object(&mut |reader, key| {
                match WORDS.iter().position(|word| *word == key).filter(|_| self.kind.is_none()) {
                    Some(place) => self.kind = Some(Kind::ALL[place]),
                    None => return reader.fail_at("kind"),
                }
                reader.object(&mut |reader, key| self.field(reader, true, key));
            }),
            (true, "token") => self.token = Some(Read::read(reader)),
            (true, "amount") => self.amount = Read::read(reader),
            (true, "receiver_id") => self.receiver_id = Read::read(reader),
            (true, "memo") => self.memo = Read::read(reader),
            (true, "batch") => self.batch = Some(Read::read(reader)),
            _ => reader.skip(),
        }
    }
}

impl Read for Draft {
    fn read(reader: &mut Reader<'_>) -> Self {
        let mut draft = Self::default();
        reader.object(&mut |reader, key| draft.field(reader, false, key));
        draft
    }
}
