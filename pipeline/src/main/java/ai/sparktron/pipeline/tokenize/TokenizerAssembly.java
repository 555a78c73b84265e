package ai.sparktron.pipeline.tokenize;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/** Builds the tokenizer that a {@code tokenizer.json} describes. */
final class TokenizerAssembly {
    private TokenizerAssembly() { }

    /** @param added the tokens beside the model's vocabulary, in place of the file's */
    static Tokenizer assemble(TokenizerJson json, List<AddedToken> added) {
        Vocabulary vocabulary = new Vocabulary(json.vocabulary(), added);
        boolean isByteLevel = SplitterJson.isByteLevel(json.parts().path("pre_tokenizer"));
        MergeTable merges = merges(json);
        BpeModel model = new BpeModel(symbols(json, merges, isByteLevel), merges, wholeWords(json, isByteLevel));
        return new BpeTokenizer(vocabulary, model, NormalizerJson.of(json), SplitterJson.of(json), DecoderJson.of(json), fingerprint(json, added));
    }

    private static BpeModel.FirstSymbols symbols(TokenizerJson json, MergeTable merges, boolean isByteLevel) {
        if (!isByteLevel) {
            return CharacterSymbols.of(json);
        }
        int[] idOfByte = new int[256];
        for (int value = 0; value < 256; value++) {
            idOfByte[value] = json.vocabulary().getOrDefault(String.valueOf(ByteAlphabet.characterOf(value)), -1);
        }
        refuseAffixes(json);
        return new BpeModel.ByteSymbols(idOfByte, WholeCharacters.of(json, merges, idOfByte));
    }

    private static void refuseAffixes(TokenizerJson json) {
        for (String name : List.of("continuing_subword_prefix", "end_of_word_suffix")) {
            if (!json.model().path(name).asText("").isEmpty() && !json.model().path(name).isNull()) {
                throw new IllegalArgumentException(json.where() + ": model." + name + " is \"" + json.model().path(name).asText()
                        + "\", expected none with a byte-level vocabulary; this tokenizer is not supported");
            }
        }
    }

    static MergeTable merges(TokenizerJson json) {
        Map<String, Integer> ids = json.vocabulary();
        int size = json.merges().size();
        int highest = ids.values().stream().mapToInt(Integer::intValue).max().orElse(0);
        if (highest >= MergeTable.MAX_IDS || size >= MergeTable.MAX_MERGES) {
            throw new IllegalArgumentException(json.where() + ": ids up to " + highest + " and " + size + " merges: expected ids below "
                    + MergeTable.MAX_IDS + " and fewer than " + MergeTable.MAX_MERGES + " merges");
        }
        String prefix = json.model().path("continuing_subword_prefix").asText("");
        int cut = json.model().path("continuing_subword_prefix").isNull() ? 0 : prefix.length();
        MergeTable table = new MergeTable(size);
        for (int rank = 0; rank < size; rank++) {
            String[] pair = json.merges().get(rank);
            Integer left = ids.get(pair[0]);
            Integer right = ids.get(pair[1]);
            Integer merged = left == null || right == null ? null : ids.get(pair[0] + pair[1].substring(cut));
            if (merged == null) {
                throw new IllegalArgumentException(json.where() + ": merge " + rank + " joins \"" + pair[0] + "\" and \"" + pair[1]
                        + "\", but model.vocab lacks " + (left == null ? "the left one" : right == null ? "the right one" : "the result")
                        + "; the file is damaged or was edited by hand");
            }
            table.put(left, right, rank, merged);
        }
        return table;
    }

    private static BpeModel.WholeWords wholeWords(TokenizerJson json, boolean isByteLevel) {
        if (!json.model().path("ignore_merges").asBoolean(false)) {
            return null;
        }
        int highest = json.vocabulary().values().stream().mapToInt(Integer::intValue).max().orElse(0);
        byte[][] words = new byte[highest + 1][];
        json.vocabulary().forEach((token, id) ->
                words[id] = isByteLevel ? ByteAlphabet.bytesOf(token) : token.getBytes(StandardCharsets.UTF_8));
        return new BpeModel.WholeWords(Arrays.asList(words));
    }

    private static String fingerprint(TokenizerJson json, List<AddedToken> added) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            List<Map.Entry<String, Integer>> tokens = new ArrayList<>(json.vocabulary().entrySet());
            tokens.sort(Map.Entry.comparingByValue());
            tokens.forEach(token -> update(digest, token.getValue() + " " + token.getKey()));
            json.merges().forEach(pair -> update(digest, pair[0] + " " + pair[1]));
            added.forEach(token -> update(digest, token.toString()));
            json.model().fieldNames().forEachRemaining(name -> update(digest, name + " " + json.model().get(name)));
            for (String part : List.of("normalizer", "pre_tokenizer")) {
                JsonNode value = json.parts().path(part);
                update(digest, part + " " + value);
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("this Java has no SHA-256", e);
        }
    }

    private static void update(MessageDigest digest, String line) {
        digest.update(line.getBytes(StandardCharsets.UTF_8));
        digest.update((byte) 0);
    }
}
