//! The records of the release before this one.

use piecework_coordinator::engine::{
    key::{self, Prefix, ROOT},
    record::{self, Account, Record, Root, Token},
};
use piecework_interface::ids::{AccountNo, BatchId, TokenId};

use super::chain::Chain;

/// Writes every record as release 0.1.0 did.
pub fn downgrade(chain: &mut Chain) {
    let root = Root::load(&chain.storage[ROOT]).expect("root");
    let mut rows = Vec::new();
    for (key, value) in &chain.storage {
        let without = |bytes: usize| [&[0], &value[1..value.len() - bytes]].concat();
        if key == ROOT {
            rows.push((key.clone(), without(4 + 18 * root.in_flight.len() + 4 + 4 * root.withdrawing.len())));
        } else if key[0] == Prefix::Account as u8 {
            let account = AccountNo(u32::from_be_bytes([key[1], key[2], key[3], key[4]]));
            let mut row: Account = Record::load(value).expect("account");
            row.in_flight += u8::try_from(root.withdrawing(account)).expect("few");
            rows.push((key.clone(), row.store()));
        } else if key[0] == Prefix::Token as u8 {
            let token = TokenId(u16::from_be_bytes([key[1], key[2]]));
            let row: Token = Record::load(value).expect("token");
            assert_eq!(row.store(), *value);
            rows.push((key.clone(), [without(0), root.in_flight(token).to_le_bytes().to_vec()].concat()));
        } else if key[0] == Prefix::Lot as u8 {
            rows.push((key.clone(), without(5)));
        } else if let (true, Some(record::Batch::Open(open))) =
            (key[0] == Prefix::Batch as u8, record::Batch::load(value))
        {
            let purse = borsh::to_vec(&open.purse).expect("purse");
            let begun = borsh::to_vec(&open.begun).expect("begun");
            let batch = BatchId(u32::from_be_bytes([key[1], key[2], key[3], key[4]]));
            rows.push((key.clone(), without(purse.len() + begun.len())));
            rows.push((key::numbered(Prefix::Purse, batch), [vec![0], purse].concat()));
        }
    }
    chain.storage.extend(rows);
}
