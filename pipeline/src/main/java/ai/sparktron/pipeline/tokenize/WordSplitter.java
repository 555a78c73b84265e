package ai.sparktron.pipeline.tokenize;

/** A pre-tokenizer: cuts a piece of text into words. Immutable, shared by threads. */
interface WordSplitter {
    /**
     * Gives every word to the encoder, in order.
     *
     * @param text        well-formed UTF-8, readable for {@link WordCache#PADDING} bytes after {@code end}
     * @param isTextStart whether the piece is the start of the whole text (not after an added token)
     */
    void split(byte[] text, int start, int end, boolean isTextStart, WordEncoder words);

    /** Splits by a scanner. */
    record Scanned(WordScanner scanner) implements WordSplitter {
        @Override
        public void split(byte[] text, int start, int end, boolean isTextStart, WordEncoder words) {
            int at = start;
            while (at < end) {
                int wordEnd = scanner.wordEnd(text, at, end);
                words.word(text, at, wordEnd);
                at = wordEnd;
            }
        }
    }
}
