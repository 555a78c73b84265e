package ai.sparktron.pipeline.tokenize;

/**
 * A pre-tokenizer written by hand: finds the words that its regular expression would match, on UTF-8 bytes, without a regular expression.
 * Stateless. Text between two matches of the expression is a word too (behaviour {@code Isolated}).
 */
interface WordScanner {
    /**
     * @param text  well-formed UTF-8
     * @param start first byte of a word, {@code start < end}
     * @param end   where the text ends; bytes after it are not looked at
     * @return where the word ends, {@code start < result <= end}
     */
    int wordEnd(byte[] text, int start, int end);
}
