// near-api-js on a localnet: node check.mjs <rpc url> <account id> <secret key> <contract.wasm>
// The contract's `set` logs and stores its input, `get` returns what is stored, `fail` panics with "hello".
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Account, JsonRpcProvider, KeyPair, KeyPairSigner, actions, nearToYocto, teraToGas } from 'near-api-js';

const [url, rootId, rootKey, wasm] = process.argv.slice(2);
const provider = new JsonRpcProvider({ url });
const root = new Account(rootId, provider, rootKey);

// A sub-account with a key of its own.
const key = KeyPair.fromRandom('ed25519');
const contractId = `js.${rootId}`;
await root.createAccount({ newAccountId: contractId, publicKey: key.getPublicKey(), nearToTransfer: nearToYocto('20') });
const contract = new Account(contractId, provider, new KeyPairSigner(key));
assert.ok((await contract.getState()).balance.total > BigInt(nearToYocto('19')));
assert.equal((await contract.getAccessKeyList()).keys.length, 1);

// Deploy, call, view.
await contract.deployContract(readFileSync(wasm));
const args = new TextEncoder().encode('"from js"');
const called = await root.signAndSendTransaction({
  receiverId: contractId,
  actions: [actions.functionCall('set', args, teraToGas('10'), 0n)],
  waitUntil: 'FINAL',
});
assert.equal(called.final_execution_status, 'FINAL');
assert.equal(await provider.callFunction({ contractId, method: 'get', args: {} }), 'from js');

// Receipts and logs of the call.
const status = await provider.viewTransactionStatusWithReceipts({
  txHash: called.transaction.hash, accountId: rootId, waitUntil: 'EXECUTED',
});
assert.ok(status.receipts.length >= 1);
const [executed] = status.receipts_outcome.filter(({ outcome }) => outcome.executor_id === contractId);
assert.equal(executed.outcome.logs.length, 1);
assert.ok(executed.outcome.metadata.gas_profile.length > 0);

// Errors: a panic, a view that fails, an account that does not exist.
await assert.rejects(
  root.callFunctionRaw({ contractId, methodName: 'fail', args: {}, gas: teraToGas('10') }),
  (error) => JSON.stringify(error, Object.getOwnPropertyNames(error)).includes('hello'),
);
await assert.rejects(provider.callFunction({ contractId, method: 'fail', args: {} }), /hello/);
await assert.rejects(new Account(`nobody.${rootId}`, provider).getState(), (error) => /exist|UNKNOWN_ACCOUNT|AccountDoesNotExist/.test(`${error.type} ${error.message}`));

// A delegate action: the contract's account signs, root pays.
const delegated = await contract.createSignedMetaTransaction({
  receiverId: contractId,
  actions: [actions.functionCall('set', new TextEncoder().encode('"relayed"'), teraToGas('10'), 0n)],
  blockHeightTtl: 1000,
});
await root.relayMetaTransaction(delegated.signedDelegate ?? delegated.signedDelegateAction ?? delegated[1]);
assert.equal(await provider.callFunction({ contractId, method: 'get', args: {} }), 'relayed');

// Keys of two kinds, blocks, and the end of the account.
const caller = KeyPair.fromRandom('ed25519');
await contract.addFunctionCallAccessKey({ publicKey: caller.getPublicKey(), contractId, methodNames: ['set'], allowance: nearToYocto('1') });
assert.equal((await contract.getAccessKeyList()).keys.length, 2);
await contract.deleteKey(caller.getPublicKey());
const block = await provider.viewBlock({ finality: 'final' });
assert.equal((await provider.viewChunk(block.chunks[0].chunk_hash)).header.chunk_hash, block.chunks[0].chunk_hash);
await contract.deleteAccount(rootId);
await assert.rejects(contract.getState());
console.log('near-api-js: ok');
