package ai.sparktron.pipeline.tokenize;

import java.util.Objects;

/**
 * A token that is found in the text as it is spelled, before words are split.
 *
 * @param id         its id
 * @param content    its spelling, not empty
 * @param singleWord only where no word character touches it
 * @param lstrip     takes white space before it
 * @param rstrip     takes white space after it
 * @param normalized is looked for in normalized text instead of the text as given
 * @param special    left out by {@code decode(ids, true)}
 */
public record AddedToken(int id, String content, boolean singleWord, boolean lstrip, boolean rstrip, boolean normalized, boolean special) {
    public AddedToken {
        Objects.requireNonNull(content, "content");
        if (content.isEmpty() || id < 0) {
            throw new IllegalArgumentException("added token " + id + " \"" + content + "\": expected an id of at least 0 and a spelling");
        }
    }

    /** A special token that is found exactly as spelled. */
    public static AddedToken special(int id, String content) {
        return new AddedToken(id, content, false, false, false, false, true);
    }

    /** The same token with another id. */
    AddedToken withId(int other) {
        return new AddedToken(other, content, singleWord, lstrip, rstrip, normalized, special);
    }
}
