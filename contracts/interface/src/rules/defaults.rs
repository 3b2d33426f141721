//! Terms for a requester who has no reason for others. Nothing in the protocol depends on them.
//!
//! They make lazy guessing worth less than work that costs up to four fifths of its pay, with any number of answer
//! classes, while other nodes err in 5 % of their answers: the slash for missing everything is as large as the whole pay
//! of a lot (at a bond rate at par). Three of three answers have to agree, else three new nodes decide as strictly: so a
//! tenth of all tickets in one hand passes one wrong answer in a thousand, where two of three would pass three in a
//! hundred. The price is an extension for one item in seven at such error rates; work on which honest nodes differ more
//! often takes a lower quorum. `scripts/bench attacks` measures all of this.

/// Copies of the first round.
pub const START: u8 = 3;
/// Equal answers needed, in percent.
pub const QUORUM_PCT: u8 = 70;
/// Bond in percent of `bond_rate × items × reward`.
pub const BOND_PCT: u16 = 200;
/// Part of the bond lost when every judged item is missed, in percent.
pub const DISSENT_SLASH_PCT: u8 = 50;
/// Part of the bond lost by a first abandoned reservation, in percent.
pub const ABANDON_SLASH_PCT: u8 = 10;
