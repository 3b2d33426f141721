//! Operators: who stands behind several nodes says so, and takes one seat of a lot with all of them.

use piecework_interface::{call::OperatorConfirmArgs, event::Entry, ids::AccountNo};

use super::{Engine, Error, Host, record::Account};

/// Who stands behind an account: its node's operator, or itself.
pub(super) fn operator_of(account: &Account, number: AccountNo) -> AccountNo {
    account.node.as_ref().map_or(number, |node| node.operator_or(number))
}

impl<H: Host> Engine<'_, H> {
    /// Names the calling node's operator, who has to confirm it; without a name it has none any more.
    ///
    /// # Errors
    /// The caller has no node, or the operator is not registered or is named already.
    pub fn node_operator(mut self, account_id: Option<String>) -> Result<(), Error> {
        self.assert_one_yocto()?;
        let number = self.calling_node()?;
        let operator = match account_id {
            Some(account_id) => Some(self.find_account(&account_id)?.ok_or(Error::Account("the operator"))?),
            None => None,
        };
        if operator == Some(number) {
            return Err(Error::Argument("account_id"));
        }
        self.edit_node(number, |node| {
            if node.asked == operator {
                return Err(Error::Status("the node's operator is that already"));
            }
            (node.asked, node.operator) = (operator, None);
            Ok(())
        })??;
        self.push(Entry::OperatorSet { account: number, operator, accepted: false });
        self.finish("node_operator", Some(number))
    }

    /// Makes the caller the operator of a node that named it, or ends that.
    ///
    /// # Errors
    /// The node did not name the caller, or it is so already.
    pub fn operator_confirm(mut self, args: &OperatorConfirmArgs) -> Result<(), Error> {
        self.assert_one_yocto()?;
        let caller = self.caller()?;
        let number = self.find_account(&args.account_id)?.ok_or(Error::Account("the node"))?;
        let accept = args.accept;
        let operator = Some(caller).filter(|_| accept);
        self.edit_node(number, |node| {
            if node.asked != Some(caller) {
                return Err(Error::Caller("the operator that the node named"));
            }
            if accept && node.operator == operator {
                return Err(Error::Status("the caller is the node's operator already"));
            }
            (node.asked, node.operator) = (operator, operator);
            Ok(())
        })??;
        self.push(Entry::OperatorSet { account: number, operator, accepted: accept });
        self.finish("operator_confirm", None)
    }
}
