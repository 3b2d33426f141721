"""py-near on a localnet: python check.py <rpc url> <account id> <secret key> <contract.wasm>

The contract's `set` logs and stores its input, `get` returns what is stored, `fail` panics with "hello".
"""

import asyncio
import sys

import base58
from nacl.signing import SigningKey
from py_near.account import Account, ViewFunctionError
from py_near.exceptions.provider import UnknownAccount
from py_near.transactions import create_function_call_action

TERAGAS = 10**12
NEAR = 10**24


async def main(url: str, root_id: str, root_key: str, wasm: str) -> None:
    root = Account(root_id, root_key, url)
    await root.startup()

    # A sub-account with a key of its own.
    seed = SigningKey.generate()
    public, secret = seed.verify_key.encode(), seed.encode() + seed.verify_key.encode()
    contract_id = f"py.{root_id}"
    created = await root.create_account(contract_id, public, 20 * NEAR)
    assert "SuccessValue" in created.status, created.status
    contract = Account(contract_id, "ed25519:" + base58.b58encode(secret).decode(), url)
    await contract.startup()
    assert await contract.get_balance() >= 19 * NEAR

    # Deploy, call, view.
    with open(wasm, "rb") as file:
        await contract.deploy_contract(file.read())
    called = await root.function_call(contract_id, "set", {"from": "py"}, gas=10 * TERAGAS)
    assert "SuccessValue" in called.status, called.status
    viewed = await root.view_function(contract_id, "get", {})
    assert viewed.result == {"from": "py"}, viewed.result

    # Receipts and logs of the call.
    status = await root.provider.get_tx_status(called.transaction.hash, root_id)
    assert any(outcome.logs for outcome in status.receipt_outcome), status.receipt_outcome

    # Errors: a panic, a view that fails, an account that does not exist.
    failed = await root.function_call(contract_id, "fail", {}, gas=10 * TERAGAS)
    assert "hello" in str(failed.status), failed.status
    try:
        await root.view_function(contract_id, "fail", {})
        raise AssertionError("a panic is no result")
    except ViewFunctionError as error:
        assert "hello" in str(error), error
    try:
        await root.provider.get_account(f"nobody.{root_id}")
        raise AssertionError("nobody exists")
    except UnknownAccount:
        pass

    # A delegate action: the contract's account signs, root pays.
    action = create_function_call_action("set", b'"relayed"', 10 * TERAGAS, 0)
    delegate = await contract.create_delegate_action([action], contract_id)
    signature = contract.sign_delegate_transaction(delegate)
    relayed = await root.call_delegate_transaction(delegate, signature)
    assert "SuccessValue" in relayed.status, relayed.status
    assert (await root.view_function(contract_id, "get", {})).result == "relayed"

    # Keys, and validators of the chain.
    other = SigningKey.generate().verify_key.encode()
    await contract.add_full_access_public_key(other)
    assert len(await contract.get_access_key_list()) == 2
    await contract.delete_public_key(other)
    assert len(await contract.get_access_key_list()) == 1
    await root.shutdown()
    await contract.shutdown()
    print("py-near: ok")


asyncio.run(main(*sys.argv[1:]))
