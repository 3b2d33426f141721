// A client made of the coordinator's ABI: node typed.mjs <rpc url> <account id> <secret key> <abi.json> <coordinator.wasm> <token.wasm>
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import validator from 'is-my-json-valid';
import { Account, ArgumentSchemaError, Contract, JsonRpcProvider, KeyPair, KeyPairSigner, UnknownArgumentError, actions, nearToYocto, teraToGas } from 'near-api-js';

const [url, rootId, rootKey, abiFile, ...wasm] = process.argv.slice(2);
const provider = new JsonRpcProvider({ url });
const root = new Account(rootId, provider, rootKey);
const abi = JSON.parse(readFileSync(abiFile, 'utf8'));
const json = (args) => new TextEncoder().encode(JSON.stringify(args));

// The coordinator and a token of the same owner, each from one transaction.
const deploy = async (name, code, args) => {
  const key = KeyPair.fromRandom('ed25519');
  const newAccountId = `${name}.${rootId}`;
  await root.createAccount({ newAccountId, publicKey: key.getPublicKey(), nearToTransfer: nearToYocto('20') });
  const account = new Account(newAccountId, provider, new KeyPairSigner(key));
  await account.signAndSendTransaction({
    receiverId: newAccountId,
    actions: [actions.deployContract(readFileSync(code)), actions.functionCall('new', json(args), teraToGas('20'), 0n)],
    waitUntil: 'FINAL',
  });
  return newAccountId;
};
const contractId = await deploy('coordinator', wasm[0], { owner_id: rootId, config: { fee_bps: 200 } });
const metadata = { spec: 'ft-1.0.0', name: 'Test', symbol: 'TEST', decimals: 6 };
const token = await deploy('token', wasm[1], { owner_id: rootId, total_supply_cap: '1000000000', metadata });

// What a method does and answers is checked against the ABI: arguments by near-api-js, answers here.
const contract = new Contract({ abi, provider, contractId });
const functions = new Map(abi.body.functions.map((found) => [found.name, found]));
const checked = new Set();
const fits = (method, answer) => {
  const schema = { ...functions.get(method).result.type_schema, definitions: abi.body.root_schema.definitions };
  const validate = validator(schema);
  assert.ok(validate(answer), `${method} answers ${JSON.stringify(answer)}: ${JSON.stringify(validate.errors)}`);
  checked.add(method);
  return answer;
};
const view = async (method, args = {}) => fits(method, await contract.view[method]({ args }));
const call = async (method, args = {}, deposit = 1n) => {
  const answer = await contract.call[method]({ account: root, args, deposit, gas: teraToGas('40'), waitUntil: 'FINAL' });
  return functions.get(method).result ? fits(method, answer) : answer;
};

// An account, a token, a class, and a balance.
const { min } = await view('storage_balance_bounds');
assert.equal(await view('account', { account_id: rootId }), null);
const deposited = await call('storage_deposit', {}, BigInt(nearToYocto('1')));
assert.deepEqual(deposited, await view('storage_balance_of', { account_id: rootId }));
assert.ok(BigInt(deposited.total) > BigInt(min));
assert.equal(await call('token_list', { account_id: token, min_reward: '2', rep_unit: '1000', bond_rate: '1' }), 1);
assert.equal(await call('class_register', { name: 'digits' }, BigInt(nearToYocto('1'))), 0);
for (const accountId of [rootId, contractId]) {
  const args = { account_id: accountId };
  await root.callFunction({ contractId: token, methodName: 'storage_deposit', args, deposit: nearToYocto('0.1'), gas: teraToGas('10') });
}
await root.callFunction({ contractId: token, methodName: 'mint', args: { account_id: rootId, amount: '1000000' }, deposit: 1n, gas: teraToGas('10') });
const transfer = { receiver_id: contractId, amount: '1000000', msg: '{"deposit":{}}' };
await root.callFunction({ contractId: token, methodName: 'ft_transfer_call', args: transfer, deposit: 1n, gas: teraToGas('60'), waitUntil: 'FINAL' });
assert.deepEqual((await view('account', { account_id: rootId })).balances, [{ token: 1, amount: '1000000' }]);

// Wrong arguments are refused before anything is sent: the nonce of the only key that signs stays.
const terms = {
  class: 0, reward: '100', lot_size: 4, answer_width: 1, start: 2, quorum_pct: 60, claim_ttl_s: 60, reveal_window_s: 300,
  challenge_window_s: 0, slice_s: 3, bond_pct: 100, dissent_slash_pct: 10, abandon_slash_pct: 10, min_reputation: 0,
  expires_at: Math.floor(Date.now() / 1000) + 86_400,
};
const batch = { terms, items: 8, manifest: '05'.repeat(32), uri: 'blob:05', appendable: true };
const nonces = async () => (await root.getAccessKeyList()).keys.map((key) => key.access_key.nonce);
const before = await nonces();
const wrong = [
  [ArgumentSchemaError, 'batch_create', { token: 1, batch: { ...batch, manifest: '05' } }],
  [ArgumentSchemaError, 'batch_create', { token: 1, batch: { ...batch, terms: { ...terms, reward: 100 } } }],
  [ArgumentSchemaError, 'batch_create', { token: 1, batch: { ...batch, terms: { ...terms, rewards: '100' } } }],
  [ArgumentSchemaError, 'withdraw', { token: 1, amount: 5 }],
  [ArgumentSchemaError, 'pause', { features: ['everything'] }],
  [UnknownArgumentError, 'withdraw', { token: 1, all: true }],
];
for (const [error, method, args] of wrong) {
  await assert.rejects(call(method, args), error, `${method} ${JSON.stringify(args)}`);
}
assert.deepEqual(await nonces(), before);

// A batch, what changes it, and every view.
assert.equal(await call('batch_create', { token: 1, batch }), 0);
await call('batch_append', { batch: 0, items: 4, manifest: '06'.repeat(32), uri: 'blob:06' });
const made = await view('batch', { batch: 0 });
assert.deepEqual([made.open.items, made.open.terms.verification, made.open.appendable], [12, 'consensus', true]);
await call('intent_key_add', { public_key: KeyPair.fromRandom('ed25519').getPublicKey().toString(), kinds: ['transfer'], token: 1, daily_cap: '5' });
assert.equal((await view('intent_keys', { account_id: rootId }))[0].limit.daily_cap, '5');
await call('propose', { change: { config: { min_stake: '5000000000000000000000000' } } });
assert.equal((await view('settings')).proposals.length, 1);
await call('node_register', { classes: [0] }, BigInt(nearToYocto('10')));
assert.equal((await view('account', { account_id: rootId })).node.status, 'active');
const page = { from: 0, limit: 32 };
for (const [method, args] of Object.entries({
  root: {}, config: {}, owner: {}, tokens: {}, classes: page, accounts: page, batches: page, account_no: { account_id: rootId },
  lot: { batch: 0, lot: 0 }, lots: { batch: 0, ...page }, contract_source_metadata: {},
  verify_result: { batch: 0, lot: 0, n: 0, accepted: '00'.repeat(8), answers: '', proof: '' },
})) {
  await view(method, args);
}
await call('batch_cancel', { batch: 0 });
const views = abi.body.functions.filter(({ kind }) => kind === 'view').map(({ name }) => name);
assert.deepEqual(views.filter((name) => !checked.has(name)), []);
console.log('typed client: ok');
