package ai.sparktron.pipeline.tokenize;

import java.util.Map;

/**
 * First symbols of a vocabulary of characters: each character is a symbol; one that the vocabulary lacks becomes its bytes ({@code byte_fallback}),
 * else the unknown token, else nothing.
 *
 * @param ids           the vocabulary
 * @param prefix        what a token that continues a word begins with, or empty
 * @param suffix        what a token that ends a word ends with, or empty
 * @param idOfByte      ids of {@code <0xHH>}, or null without byte fallback
 * @param unknown       id of the unknown token or -1
 * @param isUnknownFused whether neighbouring unknown characters are one
 */
record CharacterSymbols(Map<String, Integer> ids, String prefix, String suffix, int[] idOfByte, int unknown, boolean isUnknownFused)
        implements BpeModel.FirstSymbols {

    static CharacterSymbols of(TokenizerJson json) {
        int[] idOfByte = new int[256];
        for (int value = 0; value < 256; value++) {
            idOfByte[value] = json.vocabulary().getOrDefault(String.format("<0x%02X>", value), -1);
        }
        String unknown = json.model().path("unk_token").textValue();
        if (unknown != null && !json.vocabulary().containsKey(unknown)) {
            throw new IllegalArgumentException(json.where() + ": model.unk_token is \"" + unknown + "\", which model.vocab lacks");
        }
        return new CharacterSymbols(json.vocabulary(), text(json, "continuing_subword_prefix"), text(json, "end_of_word_suffix"),
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
        for (int at = start; at < end; at += Utf8.lengthOf(text[at])) {
            int next = at + Utf8.lengthOf(text[at]);
            String character = Character.toString(Utf8.codePointAt(text, at));
            Integer id = ids.get((at > start ? prefix : "") + character + (next == end ? suffix : ""));
            if (id != null) {
                symbols[count++] = id;
            } else if (hasBytes(text, at, next)) {
                for (int i = at; i < next; i++) {
                    symbols[count++] = idOfByte[text[i] & 255];
                }
            } else if (unknown >= 0 && !(isUnknownFused && wasUnknown)) {
                symbols[count++] = unknown;
            }
            wasUnknown = id == null && !hasBytes(text, at, next);
        }
        return count;
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
