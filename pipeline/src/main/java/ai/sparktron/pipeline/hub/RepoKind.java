package ai.sparktron.pipeline.hub;

/** What a hub repository holds; both hubs keep the two kinds under different paths. */
public enum RepoKind {
    MODEL("models"),
    DATASET("datasets");

    private final String plural;

    RepoKind(String plural) {
        this.plural = plural;
    }

    /** The path element of both hubs' APIs and of the cache: {@code models} or {@code datasets}. */
    public String plural() {
        return plural;
    }

    /** The word for messages. */
    public String word() {
        return this == MODEL ? "model" : "dataset";
    }
}
