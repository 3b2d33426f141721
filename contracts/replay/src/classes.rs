//! Entries of classes and operators.

use super::{Fault, step::Step};
use piecework_interface::{
    ids::{AccountNo, ClassId},
    view::{Class, ClassRecord},
};

impl Step<'_> {
    pub fn class_registered(&mut self, class: Class, burnt: u128) -> Result<(), Fault> {
        let next = &mut self.mirror.root.next_class;
        if class.class.0 != *next || burnt != self.mirror.settings.config.class_deposit.0 {
            return Err(Fault::Differs("the class's number or deposit"));
        }
        *next = next.checked_add(1).ok_or(Fault::Range("the number of the next class"))?;
        self.changes.classes.insert(class.class);
        self.mirror.classes.insert(class.class, class);
        self.burn(burnt)
    }

    /// The classes that a node declares, each with whether it is open.
    pub fn with_gates(&self, classes: &[ClassId]) -> Result<Vec<(ClassId, bool)>, Fault> {
        let gate = |class: &ClassId| self.mirror.classes.get(class).map(|row| (*class, !row.gated));
        classes.iter().map(|class| gate(class).ok_or(Fault::NoSuchClass(*class))).collect()
    }

    pub fn class_admitted(&mut self, class: ClassId, account: AccountNo) -> Result<(), Fault> {
        let now_s = self.context.now_s;
        self.gated_entry(class, account, |entry| {
            let admits = entry.may_be_admitted();
            entry.admit(now_s);
            admits
        })
    }

    pub fn class_removed(&mut self, class: ClassId, account: AccountNo) -> Result<(), Fault> {
        let now_s = self.context.now_s;
        self.gated_entry(class, account, |entry| {
            let removes = entry.admitted;
            entry.remove(now_s);
            removes
        })
    }

    fn gated_entry(
        &mut self,
        class: ClassId,
        account: AccountNo,
        change: impl FnOnce(&mut ClassRecord) -> bool,
    ) -> Result<(), Fault> {
        if !self.mirror.classes.get(&class).ok_or(Fault::NoSuchClass(class))?.gated {
            return Err(Fault::Differs("the gate of the class"));
        }
        self.node(account, |node| {
            let entry = node.class_mut(class).ok_or(Fault::NoClass(account, class))?;
            if change(entry) { Ok(()) } else { Err(Fault::Differs("the admission of a node")) }
        })
    }

    pub fn operator_set(&mut self, account: AccountNo, to: Option<AccountNo>, accepted: bool) -> Result<(), Fault> {
        self.node(account, |node| {
            if accepted && node.asked != to {
                return Err(Fault::Differs("the operator that a node named"));
            }
            (node.asked, node.operator) = (to, to.filter(|_| accepted));
            Ok(())
        })
    }
}
