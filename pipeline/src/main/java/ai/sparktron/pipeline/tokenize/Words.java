package ai.sparktron.pipeline.tokenize;

/** Normalization and word borders of the byte-level families, for tools outside this package. */
public final class Words {
    private Words() { }

    /** Unicode NFC as the tokenizers do it. */
    public static String nfc(String text) {
        return Normalization.nfc(text);
    }

    /**
     * End of the word that starts at {@code start} as Qwen ({@code maxDigits} 1) and Llama 3 ({@code maxDigits} 3) split text.
     *
     * @param text well-formed UTF-8
     */
    public static int contractionWordEnd(byte[] text, int start, int end, int maxDigits) {
        return new ContractionWordScanner(maxDigits).wordEnd(text, start, end);
    }
}
