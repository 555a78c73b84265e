package ai.sparktron.jobs.cli;

import ai.sparktron.pipeline.dataset.Conversation;
import ai.sparktron.pipeline.template.ChatTemplate;
import ai.sparktron.pipeline.template.Segment;
import ai.sparktron.pipeline.tokenize.Tokenizer;
import ai.sparktron.pipeline.tokenize.TokenizerFile;
import ai.sparktron.trainer.convert.LoadedModel;
import ai.sparktron.trainer.generate.BatchGenerator;
import ai.sparktron.trainer.generate.Generator;
import ai.sparktron.trainer.generate.Sampling;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/** Answers by a model: template, tokenizer, generation, text. Used by one thread. */
final class ModelAnswerer implements Answerer, AutoCloseable {

    private final LoadedModel model;
    private final int capacity;
    private final int together;
    private final Generator generator;
    private final TokenizerFile tokenizer;
    private final ChatFormat format;
    private final Sampling sampling;
    private final Set<Integer> stopIds = new TreeSet<>();
    private BatchGenerator batch;

    /**
     * An answerer over an open model.
     *
     * @param model stays the caller's
     * @param capacity longest conversation in tokens, the answer included
     * @param together conversations that are answered at a time where there are several
     */
    ModelAnswerer(LoadedModel model, int capacity, int together, TokenizerFile tokenizer, ChatFormat format, Sampling sampling) {
        this.model = model;
        this.capacity = capacity;
        this.together = together;
        this.generator = new Generator(model, capacity);
        this.tokenizer = tokenizer;
        this.format = format;
        this.sampling = sampling;
        stopIds.addAll(tokenizer.settings().stopIds());
        format.template().stopTokens().forEach(token -> tokenizer.tokenizer().idOf(token).ifPresent(stopIds::add));
    }

    @Override
    public Answer answer(Conversation conversation, Consumer<String> onText) {
        ChatTemplate.Prompt prompt = format.template().promptFor(conversation, format.options());
        if (!prompt.responsePrefix().isEmpty()) {
            onText.accept(prompt.responsePrefix());
        }
        TextStream text = new TextStream(tokenizer.tokenizer(), onText);
        Generator.Answer made = generator.generate(encode(prompt.segments()), sampling, stopIds, text::add);
        text.finish();
        return new Answer(prompt.responsePrefix() + text.text(), made.promptTokens(), made.ids().length, made.seconds());
    }

    @Override
    public List<Answer> answerAll(List<Conversation> conversations) {
        if (together == 1) {
            return Answerer.super.answerAll(conversations);
        }
        if (batch == null) {
            batch = new BatchGenerator(model, capacity, together);
        }
        List<ChatTemplate.Prompt> prompts = conversations.stream().map(conversation -> format.template().promptFor(conversation, format.options())).toList();
        List<Generator.Answer> made = batch.generate(prompts.stream().map(prompt -> encode(prompt.segments())).toList(), sampling, stopIds);
        List<Answer> answers = new ArrayList<>();
        for (int i = 0; i < made.size(); i++) {
            Generator.Answer one = made.get(i);
            answers.add(new Answer(prompts.get(i).responsePrefix() + tokenizer.tokenizer().decode(one.ids(), true), one.promptTokens(), one.ids().length, one.seconds()));
        }
        return answers;
    }

    @Override
    public void close() {
        if (batch != null) {
            batch.close();
        }
        generator.close();
    }

    /** Segments of equal treatment are joined, so that no token is cut at a border that the template did not mean. */
    private int[] encode(List<Segment> segments) {
        Tokenizer.Encoder encoder = tokenizer.tokenizer().encoder();
        List<int[]> parts = new ArrayList<>();
        for (int at = 0; at < segments.size();) {
            boolean parse = segments.get(at).parseSpecialTokens();
            StringBuilder text = new StringBuilder();
            for (; at < segments.size() && segments.get(at).parseSpecialTokens() == parse; at++) {
                text.append(segments.get(at).text());
            }
            parts.add(encoder.encode(text.toString(), parse));
        }
        return parts.stream().flatMapToInt(IntStream::of).toArray();
    }

    /** Ids to text as they come; what may still change (an unfinished character) waits. */
    private static final class TextStream {
        private static final char UNFINISHED = '\uFFFD';
        private final Tokenizer tokenizer;
        private final Consumer<String> onText;
        private int[] ids = new int[64];
        private int count;
        private String text = "";
        private int shown;

        TextStream(Tokenizer tokenizer, Consumer<String> onText) {
            this.tokenizer = tokenizer;
            this.onText = onText;
        }

        void add(int id) {
            if (count == ids.length) {
                ids = Arrays.copyOf(ids, 2 * count);
            }
            ids[count++] = id;
            text = tokenizer.decode(Arrays.copyOf(ids, count), true);
            int end = text.length();
            while (end > shown && text.charAt(end - 1) == UNFINISHED) {
                end--;
            }
            show(end);
        }

        void finish() {
            show(text.length());
        }

        private void show(int end) {
            if (end > shown) {
                onText.accept(text.substring(shown, end));
                shown = end;
            }
        }

        String text() {
            return text;
        }
    }
}
