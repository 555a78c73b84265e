package ai.sparktron.pipeline.tokenize;

import java.util.Arrays;
import java.util.Map;

/**
 * First symbols of a vocabulary of characters: each character is a symbol; one that the vocabulary lacks becomes its bytes ({@code byte_fallback}),
 * else the unknown token, else nothing.
 *
 * @param ids            the vocabulary
 * @param idOfCharacter  ids of the characters of the basic plane or -1
 * @param prefix         what a token that continues a word begins with, or empty
 * @param suffix         what a token that ends a word ends with, or empty
 * @param idOfByte       ids of {@code <0xHH>} or -1, or null without byte fallback
 * @param unknown        id of the unknown token or -1
 * @param isUnknownFused whether neighbouring unknown characters are one
 */
record CharacterSymbols(Map<String, Integer> ids, int[] idOfCharacter, String prefix, String suffix, int[] idOfByte, int unknown,
                        boolean isUnknownFused) implements BpeModel.FirstSymbols {
    private static final int BASIC_PLANE = 0x10000;

    static CharacterSymbols of(TokenizerJson json) {
        int[] idOfByte = new int[256];
        for (int value = 0; value < 256; value++) {
            idOfByte[value] = json.vocabulary().getOrDefault(String.format("<0x%02X>", value), -1);
        }
        int[] idOfCharacter = new int[BASIC_PLANE];
        Arrays.fill(idOfCharacter, -1);
        json.vocabulary().forEach((token, id) -> {
            if (token.length() == 1) {
                idOfCharacter[token.charAt(0)] = id;
            }
        });
        String unknown = json.model().path("unk_token").textValue();
        if (unknown != null && !json.vocabulary().containsKey(unknown)) {
            throw new IllegalArgumentException(json.where() + ": model.unk_token is \"" + unknown + "\", which model.vocab lacks");
        }
        return new CharacterSymbols(json.vocabulary(), idOfCharacter, text(json, "continuing_subword_prefix"), text(json, "end_of_word_suffix"),
                json.model().path("byte_fallback").asBoolean(false) ? idOfByte : null,
                unknown == null ? -1 : json.vocabulary().get(unknown), json.model().path("fuse_unk").asBoolean(false));
    }

    private static String text(TokenizerJson json, String name) {
        String value = json.model().path(name).textValue();
        return value == null ? "" : value;
    }

    @Override
    public int fill(byte[] text, int start, int end, int[] symbols) {
        int count = 0;
        boolean wasUnknown = false;
        int next;
        for (int at = start; at < end; at = next) {
            next = at + Utf8.lengthOf(text[at]);
            int id = idOf(Utf8.codePointAt(text, at), at == start, next == end);
            boolean isUnknown = false;
            if (id >= 0) {
                symbols[count++] = id;
            } else if (hasBytes(text, at, next)) {
                for (int i = at; i < next; i++) {
                    symbols[count++] = idOfByte[text[i] & 255];
                }
            } else {
                isUnknown = true;
                if (unknown >= 0 && !(isUnknownFused && wasUnknown)) {
                    symbols[count++] = unknown;
                }
            }
            wasUnknown = isUnknown;
        }
        return count;
    }

    private int idOf(int codePoint, boolean isFirst, boolean isLast) {
        boolean isPlain = (isFirst || prefix.isEmpty()) && (!isLast || suffix.isEmpty());
        if (isPlain && codePoint < BASIC_PLANE) {
            return idOfCharacter[codePoint];
        }
        return ids.getOrDefault((isFirst ? "" : prefix) + Character.toString(codePoint) + (isLast ? suffix : ""), -1);
    }

    private boolean hasBytes(byte[] text, int from, int to) {
        for (int i = from; i < to; i++) {
            if (idOfByte == null || idOfByte[text[i] & 255] < 0) {
                return false;
            }
        }
        return true;
    }
}
