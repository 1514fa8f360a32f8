// Words of a query, marked where they stand in a text.

import { el } from "./dom";

/** The words of a query that say something: two letters or more. */
export function wordsOf(query: string): string[] {
  return [...new Set(query.toLowerCase().match(/[\p{L}\p{N}]{2,}/gu) ?? [])].filter(tells);
}

/** Whether a word says something by itself. */
export function tells(word: string): boolean {
  return word.length > 1 && !COMMON.has(word);
}

/** `text` with every word that a word of the query begins, or that begins one of them, inside a `mark`. */
export function marked(text: string, words: string[]): (Node | string)[] {
  return text
    .split(/([\p{L}\p{N}]+)/u)
    .filter(Boolean)
    .map((part) => (words.some((word) => matches(part.toLowerCase(), word)) ? el("mark", {}, part) : part));
}

// Equal, or equal up to an ending: convert, converts, converter, conversion does not.
function matches(part: string, word: string): boolean {
  const [short, long] = part.length < word.length ? [part, word] : [word, part];
  return part === word || (short.length >= 4 && long.startsWith(short) && long.length - short.length <= 3);
}

const COMMON = new Set("an and are as at be by for from in is it of on or that the this to with".split(" "));
