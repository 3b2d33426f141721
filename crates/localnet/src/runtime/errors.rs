//! Errors that mean this node cannot go on, as opposed to those that only fail a receipt.

use near_primitives::errors::{
    ActionErrorKind, CompilationError, FunctionCallError, IntegerOverflowError, MethodResolveError, PrepareError,
};
use near_vm_runner::logic::errors as vm;

use crate::state::StateError;

/// The block cannot be applied. Nothing a user sends should cause it.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// Stored bytes do not decode.
    #[error(transparent)]
    State(#[from] StateError),
    /// A sum of balances or gas does not fit its type; only a patched state can get there.
    #[error("a balance or gas sum overflows")]
    Overflow,
    /// A receipt refers to something that should be stored and is not.
    #[error("inconsistent state: {0}")]
    Inconsistent(String),
    /// The virtual machine failed, not the contract.
    #[error("virtual machine: {0}")]
    VirtualMachine(String),
}

/// Why an action has no effect.
#[derive(Debug)]
pub enum ActionFailure {
    /// The receipt fails.
    Receipt(ActionErrorKind),
    /// The node stops.
    Node(RuntimeError),
}

impl From<ActionErrorKind> for ActionFailure {
    fn from(kind: ActionErrorKind) -> Self {
        Self::Receipt(kind)
    }
}

impl<E> From<E> for ActionFailure
where
    RuntimeError: From<E>,
{
    fn from(error: E) -> Self {
        Self::Node(error.into())
    }
}

impl From<IntegerOverflowError> for RuntimeError {
    fn from(_: IntegerOverflowError) -> Self {
        Self::Overflow
    }
}

/// The virtual machine's error in the form outcomes carry.
pub fn function_call_error(error: vm::FunctionCallError) -> FunctionCallError {
    match error {
        vm::FunctionCallError::CompilationError(error) => FunctionCallError::CompilationError(compilation_error(error)),
        vm::FunctionCallError::MethodResolveError(error) => FunctionCallError::MethodResolveError(match error {
            vm::MethodResolveError::MethodEmptyName => MethodResolveError::MethodEmptyName,
            vm::MethodResolveError::MethodNotFound => MethodResolveError::MethodNotFound,
            vm::MethodResolveError::MethodInvalidSignature => MethodResolveError::MethodInvalidSignature,
        }),
        other @ (vm::FunctionCallError::LinkError { .. }
        | vm::FunctionCallError::WasmTrap(_)
        | vm::FunctionCallError::HostError(_)
        | vm::FunctionCallError::LoadingError { .. }) => FunctionCallError::ExecutionError(other.to_string()),
    }
}

fn compilation_error(error: vm::CompilationError) -> CompilationError {
    match error {
        vm::CompilationError::CodeDoesNotExist { account_id } => match account_id.parse() {
            Ok(account_id) => CompilationError::CodeDoesNotExist { account_id },
            Err(error) => CompilationError::WasmerCompileError { msg: error.to_string() },
        },
        vm::CompilationError::PrepareError(error) => CompilationError::PrepareError(prepare_error(error)),
        vm::CompilationError::WasmerCompileError { msg } | vm::CompilationError::WasmtimeCompileError { msg } => {
            CompilationError::WasmerCompileError { msg }
        }
    }
}

fn prepare_error(error: vm::PrepareError) -> PrepareError {
    use vm::PrepareError as P;
    match error {
        P::Serialization => PrepareError::Serialization,
        P::Deserialization => PrepareError::Deserialization,
        P::InternalMemoryDeclared => PrepareError::InternalMemoryDeclared,
        P::GasInstrumentation => PrepareError::GasInstrumentation,
        P::StackHeightInstrumentation => PrepareError::StackHeightInstrumentation,
        P::Instantiate => PrepareError::Instantiate,
        P::Memory => PrepareError::Memory,
        P::TooManyFunctions => PrepareError::TooManyFunctions,
        P::TooManyLocals => PrepareError::TooManyLocals,
        P::TooManyTables => PrepareError::TooManyTables,
        P::TooManyTableElements => PrepareError::TooManyTableElements,
        P::FunctionBodyTooLarge => PrepareError::FunctionBodyTooLarge,
        P::InstrumentedCodeTooLarge => PrepareError::InstrumentedCodeTooLarge,
        P::TooManyBlocksPerFunction => PrepareError::TooManyBlocksPerFunction,
        P::TooManyBlocksPerContract => PrepareError::TooManyBlocksPerContract,
        P::TooManyTypes => PrepareError::TooManyTypes,
        P::TooManyParamsPerContract => PrepareError::TooManyParamsPerContract,
        P::TooManyParamsPerFunction => PrepareError::TooManyParamsPerFunction,
        P::OperandStackTooLarge => PrepareError::OperandStackTooLarge,
        P::TooManyGlobals => PrepareError::TooManyGlobals,
    }
}
