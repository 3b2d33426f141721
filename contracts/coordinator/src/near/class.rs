//! Classes and operators.

use piecework_interface::call::{ClassNodeArgs, OperatorConfirmArgs};

use super::{args, call, methods, reply};

methods! {
    /// Registers a class. `class_deposit` attached.
    class_register => {
        let args = args::read_as();
        reply(&call(|engine| engine.class_register(args)));
    };

    /// Admits a node to a gated class. Its owner, one yoctoNEAR.
    class_admit(class, account_id) => call(|engine| engine.class_admit(&ClassNodeArgs { class, account_id }));

    /// Removes a node from a gated class. Its owner, one yoctoNEAR.
    class_remove(class, account_id) => call(|engine| engine.class_remove(&ClassNodeArgs { class, account_id }));

    /// Names the calling node's operator. One yoctoNEAR.
    node_operator(account_id(optional)) => call(|engine| engine.node_operator(account_id));

    /// Confirms a node's operator, or ends that. The operator, one yoctoNEAR.
    operator_confirm(account_id, accept) => {
        call(|engine| engine.operator_confirm(&OperatorConfirmArgs { account_id, accept }));
    };
}
