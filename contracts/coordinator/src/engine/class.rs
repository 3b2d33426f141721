//! Classes: kinds of work, whose rows count the nodes and tickets that draws are made among.

use piecework_interface::{
    call::{ClassNodeArgs, ClassRegisterArgs},
    classes::{is_name, moves},
    event::Entry,
    ids::{AccountNo, ClassId},
    view::{Class, Node},
};

use super::{Engine, Error, Host};

impl<H: Host> Engine<'_, H> {
    /// Registers a class for the caller; what it costs is attached and burnt.
    ///
    /// # Errors
    /// The deposit is another, or the name is empty, too long or has control characters.
    pub fn class_register(mut self, args: ClassRegisterArgs) -> Result<ClassId, Error> {
        let owner = self.caller()?;
        let burnt = self.config()?.class_deposit;
        if self.host.deposit() != burnt.0 {
            return Err(Error::Deposit("exactly `class_deposit` of the view `config`"));
        }
        let ClassRegisterArgs { name, schema, gated } = args;
        if !is_name(&name) {
            return Err(Error::Argument("name"));
        }
        let class = ClassId(self.root.next_class);
        self.root.next_class = class.0.checked_add(1).ok_or(Error::Internal("class numbers are used up"))?;
        let row = Class { class, owner, name: name.clone(), schema, gated, nodes: 0, tickets: 0 };
        self.classes.put(class, row);
        self.burn(burnt.0)?;
        self.push(Entry::ClassRegistered { class, owner, name, schema, gated, burnt });
        self.finish("class_register", None)?;
        Ok(class)
    }

    /// Admits a node that declared a gated class.
    ///
    /// # Errors
    /// The caller does not own the class, the class is open, or the node did not declare it (again, once removed) or is admitted.
    pub fn class_admit(mut self, args: &ClassNodeArgs) -> Result<(), Error> {
        let (class, account) = self.gated_node(args)?;
        let now = self.now;
        self.follow_stake(account, false)?;
        self.move_node(account, |node| match node.class_mut(class) {
            Some(entry) if entry.may_be_admitted() => {
                entry.admit(now);
                Ok(())
            }
            _ => Err(Error::Classes(
                "the node has not declared the class, not again since it was removed, or is admitted",
            )),
        })??;
        self.push(Entry::ClassAdmitted { class, account });
        self.finish("class_admit", None)
    }

    /// Removes a node from a gated class.
    ///
    /// # Errors
    /// The caller does not own the class, the class is open, or the node is not admitted.
    pub fn class_remove(mut self, args: &ClassNodeArgs) -> Result<(), Error> {
        let (class, account) = self.gated_node(args)?;
        let now = self.now;
        self.follow_stake(account, false)?;
        self.move_node(account, |node| match node.class_mut(class) {
            Some(entry) if entry.admitted => {
                entry.remove(now);
                Ok(())
            }
            _ => Err(Error::Classes("the node is not admitted to the class")),
        })??;
        self.push(Entry::ClassRemoved { class, account });
        self.finish("class_remove", None)
    }

    /// A class that the caller gates, and a node.
    fn gated_node(&mut self, args: &ClassNodeArgs) -> Result<(ClassId, AccountNo), Error> {
        self.assert_one_yocto()?;
        let caller = self.caller()?;
        let row = self.class(args.class)?;
        if row.owner != caller {
            return Err(Error::Caller("the class's owner"));
        }
        if !row.gated {
            return Err(Error::Classes("the class is open to every node, for ever"));
        }
        let account = self.find_account(&args.account_id)?.ok_or(Error::Account("the node"))?;
        Ok((args.class, account))
    }

    /// A class that is registered.
    pub(super) fn class(&mut self, class: ClassId) -> Result<&Class, Error> {
        self.classes.peek(&*self.host, class)?.ok_or(Error::Classes("there is no such class: see the view `classes`"))
    }

    /// Classes with whether each is open.
    pub(super) fn with_gates(&mut self, classes: &[ClassId]) -> Result<Vec<(ClassId, bool)>, Error> {
        classes.iter().map(|class| Ok((*class, !self.class(*class)?.gated))).collect()
    }

    /// Changes a node in a way that its classes may count.
    pub(super) fn move_node<T>(&mut self, number: AccountNo, change: impl FnOnce(&mut Node) -> T) -> Result<T, Error> {
        let node = self.node_mut(number)?;
        let before = node.clone();
        let result = change(node);
        let moves = moves(&before, node);
        self.count_moves(moves)?;
        Ok(result)
    }

    /// Counts a node's classes anew. Apart from [`Self::move_node`], which the code has once for each change.
    #[inline(never)]
    fn count_moves(&mut self, moves: Vec<(ClassId, u32, u32)>) -> Result<(), Error> {
        for (class, before, now) in moves {
            let row = self.classes.edit(&*self.host, class)?;
            let counted = row.and_then(|row| row.count(before, now));
            counted.ok_or(Error::Internal("what a class counts"))?;
        }
        Ok(())
    }
}
