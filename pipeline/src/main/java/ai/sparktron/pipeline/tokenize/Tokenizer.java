package ai.sparktron.pipeline.tokenize;

import java.util.List;
import java.util.OptionalInt;

/**
 * Text to ids and back, identical to Hugging Face's {@code tokenizers} for the same {@code tokenizer.json}. Instances are immutable and shared
 * by threads; {@link #encoder()} gives a thread its own encoder with its own word cache.
 */
public interface Tokenizer {

    /** An encoder for one thread. */
    Encoder encoder();

    /** Ids to text; ids of special tokens are left out when {@code skipSpecialTokens}. Incomplete UTF-8 becomes U+FFFD. */
    String decode(int[] ids, boolean skipSpecialTokens);

    /** The id of a whole token as spelled in the vocabulary or among the added tokens. */
    OptionalInt idOf(String token);

    /** The token's spelling, or null for an id that has none. */
    String tokenOf(int id);

    /** Highest id + 1 over vocabulary and added tokens; a model's vocabulary must be at least this large. */
    int size();

    /** The tokens that are found in text as they are spelled (markup), in order of their ids. */
    List<AddedToken> addedTokens();

    /** SHA-256 over what decides the ids (vocabulary, merges, added tokens, normalizer, pre-tokenizer), as hex. */
    String fingerprint();

    /** One thread's encoder. */
    interface Encoder {
        /**
         * @param parseSpecialTokens whether spellings of added tokens in the text become those tokens
         * @return ids without BOS or EOS of the tokenizer's post-processor; owned by the caller
         */
        int[] encode(String text, boolean parseSpecialTokens);

        /** Halves of surrogate pairs met so far; they are no text, and each was encoded as one U+FFFD. */
        long loneSurrogates();
    }
}
