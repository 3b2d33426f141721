//! The JSON of signed intents and their keys.

use super::{Read, ReadError, Reader, Write, read_fields, write_fields};
use crate::{
    call::WithdrawArgs,
    intent::{Action, Intent, IntentKey, Kind, Kinds, Limit, Payment, PublicKey, SignedIntent},
};

write_fields!(Limit { token, daily_cap, spent });
write_fields!(IntentKey { public_key, kinds, limit, nonce, used_at });

read_fields!(SignedIntent { message, nonce: base64, public_key, signature: base64 } callback_url);
read_fields!(Intent { chain_id, account_id, deadline, kind });
read_fields!(Payment { receiver_id, token, amount } memo);
read_fields!(WithdrawArgs { token } amount);

const WORDS: [&str; 4] = ["transfer", "tip", "withdraw", "create_batch"];

impl Write for Kind {
    fn write(&self, out: &mut String) {
        let place = Self::ALL.iter().position(|kind| kind == self);
        place.map_or("", |place| WORDS[place]).write(out);
    }
}

impl Read for Kind {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ReadError> {
        reader.word(&WORDS).map(|place| Self::ALL[place])
    }
}

impl Write for Kinds {
    fn write(&self, out: &mut String) {
        let kinds: Vec<_> = Kind::ALL.into_iter().filter(|kind| self.has(*kind)).collect();
        kinds.write(out);
    }
}

impl Write for PublicKey {
    fn write(&self, out: &mut String) {
        self.text().write(out);
    }
}

impl Read for PublicKey {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ReadError> {
        String::read(reader)?.parse().map_err(|_| reader.error())
    }
}

/// An object with one field, which says what to do.
impl Read for Action {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ReadError> {
        let mut action = None;
        reader.object(&mut |reader, key| {
            action = Some(match (&action, key) {
                (None, "transfer") => Self::Transfer(Read::read(reader)?),
                (None, "tip") => Self::Tip(Read::read(reader)?),
                (None, "withdraw") => Self::Withdraw(Read::read(reader)?),
                (None, "create_batch") => Self::CreateBatch(Read::read(reader)?),
                _ => return Err(ReadError { field: "kind" }),
            });
            Ok(())
        })?;
        action.ok_or(ReadError { field: "kind" })
    }
}
