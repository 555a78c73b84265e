package ai.sparktron.jobs.cli;

import ai.sparktron.jobs.barrier.ExitCode;
import ai.sparktron.pipeline.tokenize.TokenizerFile;
import ai.sparktron.trainer.config.ArgsFile;
import ai.sparktron.trainer.config.Command;
import ai.sparktron.trainer.config.ConfigurationException;
import ai.sparktron.trainer.config.InferOptions;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.config.TemplateOptions;
import ai.sparktron.trainer.convert.LoadedModel;
import ai.sparktron.trainer.generate.RewardScorer;
import ai.sparktron.trainer.generate.Sampling;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.train.Precision;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** {@code infer}: a conversation in the terminal, the answers to a data set, or by a model of rewards the rewards of its answers. */
final class InferCommand {

    /** Tokens of a conversation beside the answer, unless {@code max_length} says otherwise. */
    private static final int CONVERSATION_TOKENS = 2048;

    private final Options options;
    private final Optional<AdapterFolder> adapter;
    private final Console console;

    InferCommand(Options options, Console console) throws IOException {
        this.adapter = options.infer().adapters().stream().findFirst().map(name -> AdapterFolder.of("adapters", name));
        this.options = adapter.isPresent() ? adapter.get().withModel(options) : options;
        this.console = console;
    }

    /** What is done with the open model. */
    interface Work<T> {
        T with(Answerer answerer) throws IOException;
    }

    private interface OpenWork<T> {
        T with(Open open) throws IOException;
    }

    /**
     * What a command has of an open model.
     *
     * @param capacity tokens of a conversation at most
     * @param together conversations that are answered at a time where there are several
     */
    private record Open(LoadedModel model, TokenizerFile tokenizer, ChatFormat format, Sampling sampling, int capacity, int together) {
    }

    ExitCode run() throws IOException {
        BatchLines lines = new BatchLines(options, console);
        boolean batch = !options.data().valDataset().isEmpty();
        return opened(open -> {
            if (batch && open.model().config().scores()) {
                lines.write("rewards", new BatchRewards(new RewardScorer(open.model()), open.tokenizer(), open.format(), open.capacity()));
                return ExitCode.OK;
            }
            return answering(open, answerer -> {
                if (batch) {
                    lines.write("answers", new BatchAnswers(answerer, open.together()));
                } else {
                    chat(answerer);
                }
                return ExitCode.OK;
            });
        });
    }

    /** Opens the model for answers and closes it after that. */
    <T> T open(Work<T> work) throws IOException {
        return opened(open -> answering(open, work));
    }

    private static <T> T answering(Open open, Work<T> work) throws IOException {
        if (open.model().config().scores()) {
            throw new ConfigurationException("the model (" + open.model().config().architecture() + ", config.json) gives answers rewards and none of its own: give rows"
                    + " that end with answers, --val_dataset, to get the reward of each");
        }
        try (ModelAnswerer answerer = new ModelAnswerer(open.model(), open.capacity(), open.together(), open.tokenizer(), open.format(), open.sampling())) {
            return work.with(answerer);
        }
    }

    private <T> T opened(OpenWork<T> work) throws IOException {
        Path folder = ModelFolder.model(options.model(), ModelFolder.Weights.NEEDED);
        RunFolders folders = RunFolders.of(options, folder);
        TokenizerFile tokenizer = TokenizerFile.load(folders.tokenizer());
        folders.requireVocabulary(tokenizer.tokenizer().size());
        ChatFormat format = format(folders);
        Sampling sampling = sampling(folders.model());
        int capacity = Math.min(folders.config().maxPositions(),
                options.template().maxLength().orElse(CONVERSATION_TOKENS + options.infer().maxNewTokens()));
        LoadedModel.Settings plain = LoadedModel.Settings.of(capacity);
        LoadedModel.Settings settings = adapter.map(own -> plain.with(own.directory(), options.infer().mergeLora() ? LoadedModel.Settings.AdapterUse.MERGED
                : LoadedModel.Settings.AdapterUse.BESIDE)).orElse(plain);
        try (Engine engine = Engines.of(options).open(0);
                LoadedModel model = LoadedModel.open(engine, folders.model(), values(engine, folders), Parameters.Use.INFER, settings)) {
            console.out().println(folders.model() + adapter.map(own -> " with the adapter of " + own.directory()).orElse("") + ": " + model.config().family().name()
                    + ", template " + format.template().name() + (sampling.temperature() == 0 ? ", likeliest token" : ", temperature " + sampling.temperature()) + ", at most " + capacity + " tokens");
            return work.with(new Open(model, tokenizer, format, sampling, capacity, options.infer().maxBatchSize()));
        }
    }

    private DType values(Engine engine, RunFolders folders) {
        DType values = Precision.values(options, folders.config().dtype());
        Precision.require(engine, values);
        return values;
    }

    private void chat(Answerer answerer) throws IOException {
        boolean terminal = System.console() != null;
        try (LineSource lines = terminal ? LineSource.terminal() : LineSource.of(System.in, console.out())) {
            new ChatTerminal(answerer, lines, console, Optional.empty(), options.infer().stream()).run();
        }
    }

    /** Template and system message: as given, else as the model was trained, else the model's own. */
    private ChatFormat format(RunFolders folders) throws IOException {
        TemplateOptions own = options.template();
        Optional<Options> trained = trainedWith(folders.model());
        boolean plain = !own.useChatTemplate() || trained.map(args -> args.command() == Command.PT || !args.template().useChatTemplate()).orElse(false)
                && !options.given("use_chat_template") && own.template().isEmpty();
        TemplateOptions template = trained.map(args -> new TemplateOptions(own.template().or(() -> args.template().template()),
                own.system().or(() -> args.template().system()), own.maxLength(), own.truncationStrategy(), own.lossScale(), own.useChatTemplate(),
                own.agentTemplate(), own.responsePrefix(), own.enableThinking().or(() -> args.template().enableThinking()))).orElse(own);
        return ChatFormat.of(template, plain, folders.model(), folders.tokenizer());
    }

    /** What the adapter was trained with goes before what its model was. */
    private Optional<Options> trainedWith(Path model) {
        if (options.infer().loadArgs() && adapter.flatMap(AdapterFolder::args).isPresent()) {
            return adapter.get().args();
        }
        Path args = model.resolve(ArgsFile.NAME);
        return options.infer().loadArgs() && ArgsFile.isOurs(args) ? Optional.of(ArgsFile.read(args)) : Optional.empty();
    }

    /** Options go before generation_config.json; without either the likeliest token is taken. */
    private Sampling sampling(Path model) throws IOException {
        InferOptions infer = options.infer();
        Path file = model.resolve("generation_config.json");
        JsonNode config = Files.isRegularFile(file) ? new ObjectMapper().readTree(file.toFile()) : new ObjectMapper().createObjectNode();
        boolean samples = config.path("do_sample").asBoolean(false);
        double temperature = infer.temperature().orElse(samples ? config.path("temperature").asDouble(1) : infer.topP().isPresent()
                || infer.topK().isPresent() ? 1 : 0);
        return new Sampling(temperature,
                infer.topP().orElse(config.path("top_p").asDouble(1)),
                infer.topK().orElse(config.path("top_k").asInt(0)),
                infer.repetitionPenalty().orElse(config.path("repetition_penalty").asDouble(1)),
                infer.maxNewTokens(), infer.seed());
    }
}
