import { describe, expect, it } from 'vitest';
import { passphraseWeakness } from '../../src/config/passphrase.js';

describe('passphraseWeakness', () => {
  it.each(['install', 'Install', 'install1234567', 'change me!', 'CorrectHorseBatteryStaple', 'debian-2024!'])(
    'knows %s',
    (passphrase) => {
      expect(passphraseWeakness(passphrase)).toMatch('published');
    },
  );

  it.each([
    ['gT5#x', 'shorter'],
    ['ababababababab', 'different'],
    ['1938475610', 'number'],
  ])('has something against %s', (passphrase, why) => {
    expect(passphraseWeakness(passphrase)).toContain(why);
    expect(passphraseWeakness(passphrase)).not.toContain(passphrase);
  });

  it.each(['installation of a barn roof', 'Größe ist relativ zu 42', '19384756102938475610', 'kf82-qpz0-11dd'])(
    'has nothing against %s',
    (passphrase) => {
      expect(passphraseWeakness(passphrase)).toBeUndefined();
    },
  );
});
