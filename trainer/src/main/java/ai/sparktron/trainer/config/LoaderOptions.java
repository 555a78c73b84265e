package ai.sparktron.trainer.config;

/** How the trainer reads shards. */
@Concern(title = "Loading of samples", commands = {Command.PT, Command.SFT, Command.RLHF, Command.PLAN})
public record LoaderOptions(
        @Option(value = "cyclic", planned = "external",
                doc = "cyclic: each epoch in an order drawn from the seed; single: in the order of the shards.")
        LoaderType dataloaderType,
        @Option(value = "4", range = "[0,)", alias = "dataloader_num_workers", status = Status.NO_MEANING,
                doc = "Loader processes.", note = "Shards are memory-mapped token ids; one prefetch thread per rank is enough.")
        int numWorkers,
        @Option(value = "true", status = Status.NO_MEANING, doc = "Keep loader processes between epochs.",
                note = "There are no loader processes.")
        boolean dataloaderPersistentWorkers,
        @Option(value = "10", range = "[1,)", status = Status.NO_MEANING, doc = "Batches read ahead.",
                note = "Rows are read from a memory mapping; the prefetch depth is fixed.")
        int dataloaderPrefetchFactor,
        @Option(value = "false", status = Status.NO_MEANING, inverse = "create_attention_mask_in_dataloader",
                doc = "Do not build a dense mask in the loader.", note = "A dense mask is never built.")
        boolean noCreateAttentionMaskInDataloader) {

    /** Order of samples. */
    public enum LoaderType { CYCLIC, SINGLE, EXTERNAL }
}
