package ai.sparktron.pipeline.tokenize;

import java.util.Arrays;

/**
 * GPT-2's alphabet, in which byte-level vocabularies are written: each of the 256 bytes has a visible character (a space is U+0120).
 */
public final class ByteAlphabet {
    private static final char[] CHARACTERS = new char[256];
    private static final short[] BYTES = new short[0x144];

    static {
        Arrays.fill(BYTES, (short) -1);
        int shifted = 0x100;
        for (int value = 0; value < 256; value++) {
            boolean visible = value >= '!' && value <= '~' || value >= 0xA1 && value <= 0xAC || value >= 0xAE;
            CHARACTERS[value] = visible ? (char) value : (char) shifted++;
            BYTES[CHARACTERS[value]] = (short) value;
        }
    }

    private ByteAlphabet() { }

    /** The character that stands for a byte (0..255). */
    public static char characterOf(int value) {
        return CHARACTERS[value];
    }

    /** The byte (0..255) that a character stands for, or -1. */
    public static int byteOf(char character) {
        return character < BYTES.length ? BYTES[character] : -1;
    }

    /** Bytes as text of the alphabet. */
    public static String spell(byte[] bytes) {
        StringBuilder text = new StringBuilder(bytes.length);
        for (byte value : bytes) {
            text.append(CHARACTERS[value & 255]);
        }
        return text.toString();
    }

    /** The bytes that the text stands for, or null if a character is not of the alphabet. */
    public static byte[] bytesOf(String text) {
        byte[] bytes = new byte[text.length()];
        for (int i = 0; i < bytes.length; i++) {
            int value = byteOf(text.charAt(i));
            if (value < 0) {
                return null;
            }
            bytes[i] = (byte) value;
        }
        return bytes;
    }
}
