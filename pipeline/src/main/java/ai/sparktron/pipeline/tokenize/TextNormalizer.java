package ai.sparktron.pipeline.tokenize;

import java.nio.charset.StandardCharsets;

/** What happens to text before it is split. Immutable, shared by threads. */
interface TextNormalizer {

    /** Leaves text as it is. */
    TextNormalizer NONE = text -> text;

    /** Unicode NFC. */
    TextNormalizer NFC = new TextNormalizer() {
        @Override
        public String normalize(String text) {
            return Normalization.nfc(text);
        }

        @Override
        public boolean isNormalized(byte[] text, int start, int end) {
            for (int at = start; at < end; at += Utf8.lengthOf(text[at])) {
                if (text[at] < (byte) 0xCC && text[at] >= (byte) 0xC0 || text[at] >= 0) {
                    continue; // below U+0300 nothing changes or combines
                }
                if ((UnicodeClasses.bitsAt(text, at) & UnicodeClasses.UNSTABLE) != 0) {
                    return false;
                }
            }
            return true;
        }
    };

    String normalize(String text);

    /** A quick look: true when {@link #normalize} certainly changes nothing. */
    default boolean isNormalized(byte[] text, int start, int end) {
        return this == NONE;
    }

    /** {@link #normalize} on UTF-8. */
    default byte[] normalize(byte[] text, int start, int end) {
        return normalize(new String(text, start, end - start, StandardCharsets.UTF_8)).getBytes(StandardCharsets.UTF_8);
    }
}
