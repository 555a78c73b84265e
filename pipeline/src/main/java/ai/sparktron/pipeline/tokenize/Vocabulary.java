package ai.sparktron.pipeline.tokenize;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/** Ids and spellings of the model's vocabulary and the added tokens. Immutable. */
final class Vocabulary {
    private final Map<String, Integer> idOfToken;
    private final String[] tokenOfId;
    private final boolean[] isSpecial;
    private final List<AddedToken> addedTokens;

    /**
     * @param modelTokens the model's own vocabulary
     * @param added       tokens beside it; one that spells like a token of the model has that token's id
     */
    Vocabulary(Map<String, Integer> modelTokens, List<AddedToken> added) {
        idOfToken = new HashMap<>(modelTokens);
        added.forEach(token -> idOfToken.put(token.content(), token.id()));
        int highest = -1;
        for (int id : idOfToken.values()) {
            highest = Math.max(highest, id);
        }
        tokenOfId = new String[highest + 1];
        isSpecial = new boolean[highest + 1];
        modelTokens.forEach((token, id) -> tokenOfId[id] = token);
        for (AddedToken token : added) {
            tokenOfId[token.id()] = token.content();
            isSpecial[token.id()] |= token.special();
        }
        List<AddedToken> sorted = new ArrayList<>(added);
        sorted.sort(Comparator.comparingInt(AddedToken::id));
        addedTokens = List.copyOf(sorted);
    }

    OptionalInt idOf(String token) {
        Integer id = idOfToken.get(token);
        return id == null ? OptionalInt.empty() : OptionalInt.of(id);
    }

    String tokenOf(int id) {
        return id >= 0 && id < tokenOfId.length ? tokenOfId[id] : null;
    }

    boolean isSpecial(int id) {
        return isSpecial[id];
    }

    int size() {
        return tokenOfId.length;
    }

    List<AddedToken> addedTokens() {
        return addedTokens;
    }
}
