package ai.sparktron.pipeline.spark;

import ai.sparktron.packing.shard.ShardManifest;
import java.util.Optional;

/**
 * A directory of prepared data: {@code train/} with shards and manifest, {@code val/} likewise where there is a validation set, {@code prepare.json},
 * and where there were such rows {@code bad-rows.jsonl} and {@code val_dataset.jsonl}.
 *
 * @param trainDirectory      directory of the training shards, on any Hadoop file system
 * @param train               its manifest
 * @param validationDirectory directory of the validation shards, or null
 * @param validation          its manifest, or null
 * @param summary             what this run did; empty when the shards were there already
 */
public record PreparedData(String trainDirectory, ShardManifest train, String validationDirectory, ShardManifest validation,
                           Optional<PrepareSummary> summary) {

    static final String TRAIN = "train";
    static final String VALIDATION = "val";
    static final String PARTS = "_parts";
    static final String RECORD = "prepare.json";
    static final String BAD_ROWS = "bad-rows.jsonl";
    static final String VALIDATION_ROWS = "val_dataset.jsonl";

    /** Whether the shards were there already. */
    public boolean reused() {
        return summary.isEmpty();
    }
}
