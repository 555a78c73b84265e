package ai.sparktron.pipeline.tokenize;

/** Reading well-formed UTF-8 in place. */
final class Utf8 {
    private Utf8() { }

    /** Bytes of the character whose first byte is {@code lead}. */
    static int lengthOf(byte lead) {
        return lead >= 0 ? 1 : lead < (byte) 0xE0 ? 2 : lead < (byte) 0xF0 ? 3 : 4;
    }

    static int codePointAt(byte[] text, int at) {
        int lead = text[at];
        if (lead >= 0) {
            return lead;
        }
        if (lead < (byte) 0xE0) {
            return (lead & 0x1F) << 6 | text[at + 1] & 0x3F;
        }
        if (lead < (byte) 0xF0) {
            return (lead & 0x0F) << 12 | (text[at + 1] & 0x3F) << 6 | text[at + 2] & 0x3F;
        }
        return (lead & 0x07) << 18 | (text[at + 1] & 0x3F) << 12 | (text[at + 2] & 0x3F) << 6 | text[at + 3] & 0x3F;
    }

    /** Where the character before {@code at} starts. */
    static int before(byte[] text, int at) {
        int before = at - 1;
        while ((text[before] & 0xC0) == 0x80) {
            before--;
        }
        return before;
    }
}
