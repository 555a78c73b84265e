package ai.sparktron.pipeline.spark;

/** A way of rows that hold more than one conversation, each of them as a {@link ChatCodec} has it. */
interface ConversationCodec extends RowCodec {

    /** The way of one conversation. */
    ChatCodec text();

    @Override
    default String tokenizerFingerprint() {
        return text().tokenizerFingerprint();
    }

    @Override
    default String templateFingerprint() {
        return text().templateFingerprint();
    }

    @Override
    default String rowOptions() {
        return text().rowOptions() + " " + rowForm();
    }

    @Override
    default int vocabularySize() {
        return text().vocabularySize();
    }
}
