//! Classes and operators.

use super::{args, call, methods, reply};

methods! {
    /// Registers a class. `class_deposit` attached.
    class_register => {
        let args = args::read_as();
        reply(&call(|engine| engine.class_register(args)));
    };

    /// Admits a node to a gated class. Its owner, one yoctoNEAR.
    class_admit => {
        let args = args::class_node();
        call(|engine| engine.class_admit(&args));
    };

    /// Removes a node from a gated class. Its owner, one yoctoNEAR.
    class_remove => {
        let args = args::class_node();
        call(|engine| engine.class_remove(&args));
    };

    /// Names the calling node's operator. One yoctoNEAR.
    node_operator => {
        let account_id = args::read().account_id;
        call(|engine| engine.node_operator(account_id));
    };

    /// Confirms a node's operator, or ends that. The operator, one yoctoNEAR.
    operator_confirm => {
        let args = args::operator_confirm();
        call(|engine| engine.operator_confirm(&args));
    };
}
