import { describe, expect, it } from 'vitest';
import { formatBytes, formatSeconds, parseDuration, parseSize } from '../../src/units.js';

describe('units', () => {
  it.each([
    ['4096', 4096],
    ['120m', 120 * 2 ** 20],
    ['1.5G', 1.5 * 2 ** 30],
    ['10GiB', 10 * 2 ** 30],
    ['2 kb', 2048],
  ])('reads the size %s', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(['', 'm', '12x', '-1', '1e3', '20%', '1 2'])('takes %j for no size', (text) => {
    expect(parseSize(text)).toBeUndefined();
  });

  it.each([
    ['90', 90],
    ['30m', 1800],
    ['12h', 43_200],
    ['7d', 604_800],
    ['2w', 1_209_600],
  ])('reads the duration %s', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  it.each(['', 'soon', '1y', '-3d'])('takes %j for no duration', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1536, '1.5 KiB'],
    [1024 * 1024 - 1, '1.0 MiB'],
    [81_900_000, '78.1 MiB'],
    [5 * 2 ** 40, '5.0 TiB'],
    [5 * 2 ** 52, '20480.0 TiB'],
  ])('writes %d bytes', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it.each([
    [0.04, '0.0 s'],
    [12.34, '12.3 s'],
    [59.96, '1 min 00 s'],
    [125, '2 min 05 s'],
    [11_220, '3 h 07 min'],
  ])('writes %d seconds', (seconds, text) => {
    expect(formatSeconds(seconds)).toBe(text);
  });
});
