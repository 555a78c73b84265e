package ai.sparktron.pipeline.template;

import ai.sparktron.pipeline.dataset.BadRow.Reason;
import ai.sparktron.pipeline.dataset.BadRowException;
import ai.sparktron.pipeline.dataset.Conversation;
import ai.sparktron.pipeline.dataset.Message;
import java.util.List;

/**
 * Plain text for pre-training: the tokenizer's begin token if it adds one, the messages' texts one after the other, its end token. Everything is
 * trained but what a message's {@code loss} excludes.
 */
final class GenerationTemplate implements ChatTemplate {

    private static final long serialVersionUID = 1L;
    static final String NAME = "generation";

    private final String begin;
    private final String end;

    /**
     * @param begin spelling of the begin token, or empty
     * @param end   spelling of the end token
     */
    GenerationTemplate(String begin, String end) {
        this.begin = begin;
        this.end = end;
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public List<String> stopTokens() {
        return List.of(end);
    }

    @Override
    public String fingerprint(RenderOptions options) {
        return TemplateFingerprint.of(options, false, NAME, begin, end);
    }

    @Override
    public List<Segment> render(Conversation conversation, RenderOptions options) {
        if (conversation.tools() != null) {
            throw new BadRowException(Reason.TEMPLATE, "the row has tools but the generation template writes plain text: use a chat template");
        }
        SegmentWriter out = new SegmentWriter(options);
        out.markup(begin, 1);
        boolean empty = true;
        for (Message message : conversation.messages()) {
            out.rowText(message.content(), message.loss() == null ? 1 : message.loss());
            empty &= message.content().isEmpty();
        }
        if (empty) {
            throw new BadRowException(Reason.EMPTY, "the row's text is empty: expected text to train on");
        }
        out.markup(end, 1);
        return out.segments();
    }

    @Override
    public Prompt promptFor(Conversation conversation, RenderOptions options) {
        SegmentWriter out = new SegmentWriter(options);
        out.markup(begin, 0);
        conversation.messages().forEach(message -> out.rowText(message.content(), 0));
        return new Prompt(out.segments(), "");
    }
}
