package ai.sparktron.pipeline.spark;

import ai.sparktron.pipeline.dataset.BadRow;
import ai.sparktron.pipeline.dataset.BadRowException;
import ai.sparktron.pipeline.template.Segment;
import ai.sparktron.pipeline.tokenize.Example;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * A codec whose tokens are words, so that tests read back what went in: word {@code w17} is id 17, any other a hash. A column {@code text} is
 * required; {@code boom} in it fails the task as long as the file {@code tripwire} is there, which the failing attempt deletes.
 */
record WordCodec(int maxLength, String tokenizer, String tripwire) implements RowCodec {

    static final int VOCABULARY = 100_000;

    WordCodec(int maxLength) {
        this(maxLength, "words", null);
    }

    @Override
    public String tokenizerFingerprint() {
        return tokenizer;
    }

    @Override
    public String templateFingerprint() {
        return "words-" + maxLength;
    }

    @Override
    public int vocabularySize() {
        return VOCABULARY;
    }

    @Override
    public Session open() {
        return new Session() {
            @Override
            public List<Text> render(Map<String, Object> row) {
                if (!(row.get("text") instanceof String text)) {
                    throw new BadRowException(BadRow.Reason.MISSING_FIELD, "no column text in " + row.keySet());
                }
                if (tripwire != null && text.contains("boom")) {
                    trip();
                }
                return List.of(Text.of(List.of(new Segment(text, 1, false))));
            }

            @Override
            public List<Example> encode(List<Segment> segments) {
                String[] words = segments.get(0).text().strip().split("\\s+");
                if (words.length > maxLength) {
                    throw new BadRowException(BadRow.Reason.TOO_LONG, words.length + " words, max_length is " + maxLength);
                }
                int[] ids = new int[words.length];
                for (int i = 0; i < ids.length; i++) {
                    ids[i] = words[i].matches("w\\d{1,5}") ? Integer.parseInt(words[i].substring(1)) : Math.floorMod(words[i].hashCode(), VOCABULARY);
                }
                int[] labels = ids.clone();
                labels[0] = Example.IGNORED;
                return List.of(new Example(ids, labels, null));
            }
        };
    }

    private void trip() {
        try {
            if (Files.deleteIfExists(Path.of(tripwire))) {
                throw new IllegalStateException("this attempt fails");
            }
        } catch (IOException fault) {
            throw new IllegalStateException(fault);
        }
    }
}
