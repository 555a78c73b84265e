package ai.sparktron.pipeline.spark;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/** Names everything that decides the shards: sources, options, tokenizer, template, and the version of the rules. */
final class Fingerprint {

    /** Raised whenever the same input would give other shards. */
    private static final int RULES = 1;

    private Fingerprint() {
    }

    /** 64 hexadecimal digits, or null when a source cannot be identified, so that its shards are never taken for those of other rows. */
    static String of(PrepareOptions options, List<Source> sources, RowCodec codec) {
        StringBuilder text = new StringBuilder("sparktron prepare ").append(RULES).append('\n');
        text.append(codec.tokenizerFingerprint()).append('\n').append(codec.templateFingerprint()).append('\n').append(codec.vocabularySize()).append('\n')
                .append(codec.rowOptions()).append('\n');
        text.append(options.splitDatasetRatio()).append(' ').append(options.datasetShuffle()).append(' ').append(options.valDatasetShuffle()).append(' ')
                .append(options.dataSeed()).append(' ').append(options.interleaveProb()).append(' ').append(options.stoppingStrategy()).append(' ')
                .append(options.packing()).append(' ').append(options.maxLength()).append(' ').append(options.shardBytes()).append(' ')
                .append(options.strict()).append(' ').append(options.valDataset().size()).append('\n');
        for (Source source : sources) {
            if (source.identity() == null) {
                return null;
            }
            text.append(source.spec()).append('\n').append(source.identity()).append('\n');
        }
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(text.toString().getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException missing) {
            throw new IllegalStateException("every Java platform has SHA-256", missing);
        }
    }
}
