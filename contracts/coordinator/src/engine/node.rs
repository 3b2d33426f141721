//! Nodes: registration, classes, presence.

use piecework_interface::{
    amount::Amount,
    call::NodeRegisterArgs,
    event::Entry,
    governance::Feature,
    ids::{AccountNo, ClassId},
    storage::{CLASSES_MAX, NODE_BYTES},
    view::{Node, NodeStatus},
};

use super::{Engine, Error, Host, balance::charge};

impl<H: Host> Engine<'_, H> {
    /// Registers the caller as a node with the deposit as stake; again, it adds stake, declares classes and resumes.
    ///
    /// # Errors
    /// The stake is below the least stake, the classes do not fit, or the account lacks storage.
    pub fn node_register(mut self, args: NodeRegisterArgs) -> Result<(), Error> {
        self.assert_runs(Feature::Nodes)?;
        let stake = self.host.deposit();
        if stake == 0 {
            return Err(Error::Deposit("the stake to add, at least 1 yoctoNEAR"));
        }
        let number = self.caller()?;
        let (now, min_stake) = (self.now, self.root.min_stake);
        let account = self.account(number)?;
        let new = account.node.is_none();
        if new {
            charge(account, NODE_BYTES)?;
            account.node = Some(Node { status: NodeStatus::Silent, ..Node::new(now) });
        }
        let classes = args.classes;
        check_classes(&classes)?;
        let declared = self.with_gates(&classes)?;
        self.move_node(number, |node| {
            let total = node.stake.0.checked_add(stake).ok_or(Error::Amount("the stake would exceed 2^128"))?;
            if total < min_stake {
                return Err(Error::Stake(
                    "the stake would be below the least stake: see min_stake in the view `config`",
                ));
            }
            node.set_status(NodeStatus::Active, now);
            node.set_stake(total, min_stake, now);
            node.last_seen = now;
            declare(node, &declared, now)
        })??;
        if new {
            self.push_storage(number)?;
        }
        self.push(Entry::NodeRegistered { account: number, stake: Amount(stake), classes });
        self.finish("node_register", Some(number))
    }

    /// Declares other classes.
    ///
    /// # Errors
    /// The caller has no node, or the classes do not fit.
    pub fn node_update(mut self, args: NodeRegisterArgs) -> Result<(), Error> {
        self.assert_one_yocto()?;
        let number = self.calling_node()?;
        let now = self.now;
        check_classes(&args.classes)?;
        let declared = self.with_gates(&args.classes)?;
        self.follow_stake(number, true)?;
        self.move_node(number, |node| declare(node, &declared, now))??;
        self.push(Entry::NodeClasses { account: number, classes: args.classes });
        self.finish("node_update", Some(number))
    }

    /// Keeps the node active, or brings a silent one back.
    ///
    /// # Errors
    /// The caller has no node.
    pub fn heartbeat(mut self) -> Result<(), Error> {
        self.assert_no_deposit()?;
        let number = self.calling_node()?;
        self.follow_stake(number, true)?;
        self.finish("heartbeat", Some(number))
    }

    /// Takes the node out of draws and claims; its slots go on.
    ///
    /// # Errors
    /// The caller has no node, or it is paused.
    pub fn node_pause(mut self) -> Result<(), Error> {
        self.assert_no_deposit()?;
        let number = self.calling_node()?;
        self.follow_stake(number, true)?;
        self.change_status(number, NodeStatus::Paused, "the node is paused already")?;
        self.finish("node_pause", Some(number))
    }

    /// Brings a paused node back.
    ///
    /// # Errors
    /// The caller has no node, or it is not paused.
    pub fn node_resume(mut self) -> Result<(), Error> {
        self.assert_no_deposit()?;
        let number = self.calling_node()?;
        self.follow_stake(number, true)?;
        self.change_status(number, NodeStatus::Active, "the node is not paused")?;
        self.finish("node_resume", Some(number))
    }

    /// Sets and journals a status that must be another than the present one.
    pub(super) fn change_status(
        &mut self,
        number: AccountNo,
        status: NodeStatus,
        same: &'static str,
    ) -> Result<(), Error> {
        let now = self.now;
        self.move_node(number, |node| {
            if node.status == status {
                return Err(Error::Status(same));
            }
            node.set_status(status, now);
            Ok(())
        })??;
        self.push(Entry::StatusChanged { account: number, status });
        Ok(())
    }

    /// Changes a node in a way that its classes do not count.
    pub(super) fn edit_node<T>(&mut self, number: AccountNo, change: impl FnOnce(&mut Node) -> T) -> Result<T, Error> {
        Ok(change(self.node_mut(number)?))
    }

    pub(super) fn node_mut(&mut self, number: AccountNo) -> Result<&mut Node, Error> {
        self.account(number)?.node.as_mut().ok_or(Error::NoNode)
    }
}

fn check_classes(classes: &[ClassId]) -> Result<(), Error> {
    let repeated = |(index, class)| classes[..index].contains(class);
    if classes.is_empty() || classes.len() > CLASSES_MAX || classes.iter().enumerate().any(repeated) {
        return Err(Error::Classes("give 1 to 8 different classes"));
    }
    Ok(())
}

fn declare(node: &mut Node, classes: &[(ClassId, bool)], now: u32) -> Result<(), Error> {
    node.declare(classes, now);
    if node.classes.len() > CLASSES_MAX {
        return Err(Error::Classes("a node keeps records of 8 classes at most, those it left included"));
    }
    Ok(())
}
