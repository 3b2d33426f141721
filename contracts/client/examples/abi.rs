//! Prints the contract's ABI: `scripts/abi` keeps it in contracts/coordinator/abi.json.

use piecework_client::abi;

fn main() -> Result<(), serde_json::Error> {
    println!("{}", serde_json::to_string_pretty(&abi::document()?)?);
    Ok(())
}
