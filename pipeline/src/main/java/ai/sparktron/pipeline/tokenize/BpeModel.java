package ai.sparktron.pipeline.tokenize;

import java.util.Arrays;
import java.util.List;

/**
 * What a BPE needs to turn one word into ids. Immutable, shared by threads.
 *
 * @param symbols      a word's first symbols, one per byte or character
 * @param merges       which neighbours become one
 * @param wholeWords   with {@code ignore_merges}: words of the vocabulary that are taken as they are; otherwise null
 */
record BpeModel(FirstSymbols symbols, MergeTable merges, WholeWords wholeWords) {

    /** The first symbols of a word, before any merge. */
    interface FirstSymbols {
        /**
         * @param text    well-formed UTF-8
         * @param symbols receives at most {@code end - start} ids
         * @return how many ids
         */
        int fill(byte[] text, int start, int end, int[] symbols);
    }

    /**
     * Byte-level: each byte is a symbol, or a whole character where that comes to the same ({@link WholeCharacters}). Bytes without a token are left
     * out, as Hugging Face does when there is no unknown token.
     *
     * @param idOfByte      256 ids or -1
     * @param idOfCharacter per code point of the basic plane an id or -1
     */
    record ByteSymbols(int[] idOfByte, int[] idOfCharacter) implements FirstSymbols {
        @Override
        public int fill(byte[] text, int start, int end, int[] symbols) {
            int count = 0;
            int at = start;
            while (at < end) {
                int whole = text[at] >= 0 ? -1 : wholeAt(text, start, at, end);
                int id = whole >= 0 ? whole : idOfByte[text[at] & 255];
                if (id >= 0) {
                    symbols[count++] = id;
                }
                at += whole >= 0 ? Utf8.lengthOf(text[at]) : 1;
            }
            return count;
        }

        private int wholeAt(byte[] text, int start, int at, int end) {
            if (!Utf8.isCharacterAt(text, at, end) || at > start && text[at - 1] >= 0) {
                return -1;
            }
            int next = at + Utf8.lengthOf(text[at]);
            boolean isBeforeCharacter = next == end || (text[next] & 0xC0) == 0xC0;
            return isBeforeCharacter ? idOfCharacter[Utf8.codePointAt(text, at)] : -1;
        }
    }

    /** Vocabulary words by their bytes: open addressing over one byte arena. */
    static final class WholeWords {
        private final byte[][] words;
        private final int[] ids;
        private final int mask;

        WholeWords(List<byte[]> wordOfId) {
            int capacity = Integer.highestOneBit(Math.max(1, wordOfId.size())) << 2;
            words = new byte[capacity][];
            ids = new int[capacity];
            mask = capacity - 1;
            for (int id = 0; id < wordOfId.size(); id++) {
                byte[] word = wordOfId.get(id);
                if (word != null) {
                    int slot = hash(word, 0, word.length) & mask;
                    while (words[slot] != null) {
                        slot = slot + 1 & mask;
                    }
                    words[slot] = word;
                    ids[slot] = id;
                }
            }
        }

        /** The id or -1. */
        int idOf(byte[] text, int start, int end) {
            int slot = hash(text, start, end) & mask;
            while (words[slot] != null) {
                if (Arrays.equals(words[slot], 0, words[slot].length, text, start, end)) {
                    return ids[slot];
                }
                slot = slot + 1 & mask;
            }
            return -1;
        }

        private static int hash(byte[] text, int start, int end) {
            int hash = 1;
            for (int at = start; at < end; at++) {
                hash = hash * 31 + text[at];
            }
            hash *= 0x9E3779B9;
            return hash ^ hash >>> 15;
        }
    }
}
