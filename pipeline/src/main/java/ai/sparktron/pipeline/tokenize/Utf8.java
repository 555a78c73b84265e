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

    /** The bytes (0..255) of a character of the basic plane. */
    static int[] bytesOf(int codePoint) {
        if (codePoint < 0x80) {
            return new int[] {codePoint};
        }
        if (codePoint < 0x800) {
            return new int[] {0xC0 | codePoint >> 6, 0x80 | codePoint & 0x3F};
        }
        return new int[] {0xE0 | codePoint >> 12, 0x80 | codePoint >> 6 & 0x3F, 0x80 | codePoint & 0x3F};
    }

    /** Whether a whole character of two or three bytes starts at {@code at} and ends before {@code end}; the bytes may be anything. */
    static boolean isCharacterAt(byte[] text, int at, int end) {
        int lead = text[at];
        if (lead >= (byte) 0xF0 || lead < (byte) 0xC2) {
            return false;
        }
        int next = at + lengthOf(text[at]);
        return next <= end && (text[at + 1] & 0xC0) == 0x80 && (text[next - 1] & 0xC0) == 0x80;
    }
}
