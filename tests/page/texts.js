// The catalogues of the page's texts say the same things in each language.

import assert from 'node:assert/strict';
import {readdirSync, readFileSync} from 'node:fs';
import test from 'node:test';

const kFiles = new URL('../../engine/admin/page/files/', import.meta.url);

// As a module, whatever node makes of files outside this package.
async function catalogue(language) {
  const source = readFileSync(new URL(`text_${language}.js`, kFiles), 'utf8');
  return (await import(`data:text/javascript,${encodeURIComponent(source)}`)).default;
}

const en = await catalogue('en');
const de = await catalogue('de');

// The daemon has the English advice.
const keysOf = (texts) => Object.keys(texts).filter((key) => !key.startsWith('advice.')).sort();

test('every text is there in both languages', () => {
  assert.deepEqual(keysOf(de), keysOf(en));
});

test('a text has the same values in both languages', () => {
  const valuesOf = (said) => [...JSON.stringify(said).matchAll(/\{(\w+)\}/g)]
      .map(([, name]) => name);
  for (const key of keysOf(en)) {
    assert.deepEqual(new Set(valuesOf(de[key])), new Set(valuesOf(en[key])), key);
    assert.equal(typeof de[key], typeof en[key], key);
  }
});

test('every text that the page asks for by name is there, and none is left over', () => {
  const source = readdirSync(kFiles).filter((name) => /\.js$/.test(name) && !/^text_/.test(name))
                     .map((name) => readFileSync(new URL(name, kFiles), 'utf8')).join('\n')
                     .replace(/^\s*\/\/.*$/gm, '');
  const asked = new Set([...source.matchAll(/text\(\s*'([^'`]+)'/g)].map(([, key]) => key));
  // Those that are put together from a group and a word of the API.
  const groups = new Set(
      [/(?:text|word|options)\(\s*[`']([a-z_]+)(?:\.\$|')/g, /name: '([a-z_]+)', options/g]
          .flatMap((pattern) => [...source.matchAll(pattern)].map(([, group]) => group)));
  for (const key of asked) assert.ok(key in en, `'${key}' is asked for`);
  const quoted = new Set([...source.matchAll(/'([a-z_]+(?:\.[a-z_]+)*)'/g)].map(([, key]) => key));
  const unused = keysOf(en).filter((key) => !quoted.has(key) && !groups.has(key.split('.')[0]));
  assert.deepEqual(unused, []);
});
