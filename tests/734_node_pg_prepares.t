# node's pg with named statements works with 20 clients over 2 servers.
use v5.36;
use Crowd;
use Millpond;
use NodePackages;
use Test::More;

crowd_skip('no pg for node here') unless node_package('pg');
crowd('pg', [ 'node', new_file('crowd.js', <<'PROGRAM') ]);
const { Client } = require('pg');
const assert = require('assert');
async function one(n) {
	const c = new Client();
	await c.connect();
	for (let i = 0; i < 30; i++) {
		let r = await c.query({ name: 'own', text: `select ${n} as n, $1::int as i`, values: [i] });
		assert.deepStrictEqual(r.rows, [{ n, i }]);
		r = await c.query({ name: 'shared', text: 'select n from numbers where n = $1', values: [i + 1] });
		assert.deepStrictEqual(r.rows, [{ n: i + 1 }]);
		await c.query('begin');
		r = await c.query({ name: `many${i % 13}`, text: `select ${i % 13} as k`, values: [] });
		assert.deepStrictEqual(r.rows, [{ k: i % 13 }]);
		await c.query('commit');
		await assert.rejects(c.query({ name: 'bad', text: 'select 1 / ($1::int - 1)', values: [1] }));
	}
	await c.end();
}
Promise.all([...Array(Number(process.env.CLIENTS)).keys()].map(one))
	.then(() => console.log('well'), e => console.log(e));
PROGRAM

done_testing;
