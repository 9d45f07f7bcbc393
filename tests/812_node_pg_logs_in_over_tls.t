# node's pg logs in over TLS with SCRAM, bound to the certificate or not, and refuses one that it does not know.
use v5.36;
use Guarded;
use Millpond;
use NodePackages;
use Test::More;

plan skip_all => 'no pg for node here' unless node_package('pg');
Guarded->new->run('node pg', 'node', new_file('tls.js', <<'PROGRAM'));
const { Client } = require('pg');
const assert = require('assert');
const fs = require('fs');
const known = { ca: fs.readFileSync(process.env.CA) };
async function one(how) {
	const c = new Client(how);
	await c.connect();
	const r = await c.query("select current_user as who, repeat('x', $1) as text", [100000]);
	assert.strictEqual(r.rows[0].who, 'me');
	assert.strictEqual(r.rows[0].text.length, 100000);
	await c.end();
}
async function main() {
	await one({ ssl: known });
	await one({ ssl: known, enableChannelBinding: true });
	await assert.rejects(one({ ssl: { ca: fs.readFileSync(process.env.WRONG_CA) } }));
	await assert.rejects(one({ ssl: false }));
	await assert.rejects(one({ ssl: known, password: 'pen' }));
}
main().then(() => console.log('well'), e => console.log(e));
PROGRAM

done_testing;
