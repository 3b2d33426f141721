// A wallet that signs what the gateway makes: node wallet.mjs <rpc url> <gateway url> <account id> <secret key> <expires at>
// It brings a balance, creates a batch of eight items, appends four and prints the batch's number.
import assert from 'node:assert/strict';
import { Account, JsonRpcProvider, actions } from 'near-api-js';

const [url, gateway, signerId, key, expiresAt] = process.argv.slice(2);
const provider = new JsonRpcProvider({ url });
const account = new Account(signerId, provider, key);

// What is to be signed, once the mirror has what was done before.
let height = 0;
const ask = async (name, args) => {
  for (;;) {
    const body = JSON.stringify({ signer_id: signerId, ...args });
    const answer = await fetch(`${gateway}/v1/transactions/${name}?min_height=${height}`, { method: 'POST', body });
    if (answer.status !== 409) {
      const transaction = await answer.json();
      assert.equal(answer.status, 200, JSON.stringify(transaction));
      return transaction;
    }
  }
};
const send = async ({ receiver_id: receiverId, actions: calls, warnings }) => {
  assert.deepEqual(warnings, []);
  const outcome = await account.signAndSendTransaction({
    receiverId,
    actions: calls.map(({ method_name: method, args_base64: args, gas, deposit }) =>
      actions.functionCall(method, new Uint8Array(Buffer.from(args, 'base64')), BigInt(gas), BigInt(deposit))),
    waitUntil: 'FINAL',
  });
  height = (await provider.viewBlock({ finality: 'final' })).header.height;
  return JSON.parse(Buffer.from(outcome.status.SuccessValue, 'base64').toString() || 'null');
};

await send(await ask('storage-deposit', { amount: '1000000000000000000000000' }));
const terms = {
  class: 0, reward: '1000000', lot_size: 4, answer_width: 1, start: 2, quorum_pct: 60, claim_ttl_s: 3600, reveal_window_s: 3600,
  challenge_window_s: 0, slice_s: 3, bond_pct: 100, dissent_slash_pct: 10, abandon_slash_pct: 10, min_reputation: 0,
  expires_at: Number(expiresAt),
};
const create = { token: 1, batch: { terms, items: 8, manifest: '05'.repeat(32), uri: 'blob:05', appendable: true } };

// Without a balance the wallet is warned; with what the warning names it is not.
const poor = await ask('batch-create', create);
assert.equal(poor.warnings.length, 1, JSON.stringify(poor));
await send(await ask('deposit', { token: 1, amount: '100000000' }));
const creation = await ask('batch-create', create);
assert.match(creation.description, /^Locks (40\.8 \S+|40800000 units of \S+) for 8 items of class 0 /);
const batch = await send(creation);
await send(await ask('batch-append', { batch, items: 4, manifest: '06'.repeat(32), uri: 'blob:06' }));
console.log(batch);
