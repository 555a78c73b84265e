package ai.sparktron.jobs.barrier;

import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.spark.SparkConf;

/**
 * A real standalone cluster for tests: a master and workers as processes, started from the jars of the test's own class path, no Spark distribution
 * needed. Workers may have GPUs that a script makes up. Everything lies in the folder given; closing ends the processes.
 */
public final class StandaloneCluster implements AutoCloseable {

    private static final List<String> SMALL = List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1");

    private final Path folder;
    private final String master;
    private final List<Process> processes = new ArrayList<>();

    private StandaloneCluster(Path folder, String master) {
        this.folder = folder;
        this.master = master;
    }

    /**
     * Starts a cluster.
     *
     * @param folder         empty; gets the jars, logs and work folders
     * @param workers        number of worker processes
     * @param coresPerWorker cores each offers
     * @param gpusPerWorker  made-up GPUs each has, numbered through over all workers
     */
    public static StandaloneCluster start(Path folder, int workers, int coresPerWorker, int gpusPerWorker) throws Exception {
        int port = freePort();
        StandaloneCluster cluster = new StandaloneCluster(folder, "spark://127.0.0.1:" + port);
        try {
            linkJars(folder);
            cluster.launch("master", List.of(), "org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", String.valueOf(port),
                    "--webui-port", "0");
            cluster.awaitLog("master", "I have been elected leader");
            for (int worker = 0; worker < workers; worker++) {
                List<String> gpus = gpusPerWorker == 0 ? List.of() : List.of("-Dspark.worker.resource.gpu.amount=" + gpusPerWorker,
                        "-Dspark.worker.resource.gpu.discoveryScript=" + cluster.gpuScript(worker, gpusPerWorker));
                cluster.launch("worker-" + worker, gpus, "org.apache.spark.deploy.worker.Worker", cluster.master, "--host", "127.0.0.1", "--cores",
                        String.valueOf(coresPerWorker), "--memory", "2g", "--webui-port", "0", "--work-dir",
                        folder.resolve("work-" + worker).toString());
            }
            for (int worker = 0; worker < workers; worker++) {
                cluster.awaitLog("worker-" + worker, "Successfully registered with master");
            }
            return cluster;
        } catch (Exception failure) {
            cluster.close();
            throw failure;
        }
    }

    /** The address for {@code --master}. */
    public String master() {
        return master;
    }

    /** A folder with {@code jars/}, good as {@code SPARK_HOME}. */
    public Path sparkHome() {
        return folder.resolve("home");
    }

    /** The executors' processes that run now, in the order of their ids. */
    public List<ProcessHandle> executors() {
        return processes.stream().flatMap(Process::descendants).filter(ProcessHandle::isAlive)
                .filter(process -> process.info().commandLine().orElse("").contains("CoarseGrainedExecutorBackend"))
                .sorted(java.util.Comparator.comparing(ProcessHandle::pid)).toList();
    }

    /** Output of an executor's process. */
    public List<Path> executorLogs() throws IOException {
        try (var files = Files.walk(folder)) {
            return files.filter(file -> file.getFileName().toString().equals("stderr")).sorted().toList();
        }
    }

    /** Settings of a driver in this process that uses the cluster with one-core executors that find the classes under test. */
    public SparkConf conf(String name) {
        return new SparkConf().setAppName(name).setMaster(master).set("spark.driver.host", "127.0.0.1").set("spark.driver.bindAddress", "127.0.0.1")
                .set("spark.ui.enabled", "false").set("spark.executor.cores", "1").set("spark.executor.memory", "480m")
                .set("spark.executor.extraClassPath", classFolders()).set("spark.executor.extraJavaOptions", String.join(" ", SMALL));
    }

    /** Folders of the class path: jars are in {@link #sparkHome} already. */
    static String classFolders() {
        return classPath().stream().filter(File::isDirectory).map(File::getPath).collect(Collectors.joining(File.pathSeparator));
    }

    private static List<File> classPath() {
        List<File> entries = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            entries.add(new File(entry).getAbsoluteFile());
        }
        return entries;
    }

    /** Makes {@code home/jars} of links to the jars of this process's class path, for executors are started from there. */
    static void linkJars(Path folder) throws IOException {
        Path jars = Files.createDirectories(folder.resolve("home").resolve("jars"));
        for (File entry : classPath()) {
            if (entry.isFile() && entry.getName().endsWith(".jar")) {
                Path link = jars.resolve(entry.getName());
                if (!Files.exists(link)) {
                    Files.createSymbolicLink(link, entry.toPath());
                }
            }
        }
    }

    private Path gpuScript(int worker, int count) throws IOException {
        List<String> addresses = new ArrayList<>();
        for (int gpu = 0; gpu < count; gpu++) {
            addresses.add("\"" + (worker * count + gpu) + "\"");
        }
        Path script = folder.resolve("gpus-" + worker + ".sh");
        Files.writeString(script, "#!/bin/bash\necho '{\"name\":\"gpu\",\"addresses\":[" + String.join(",", addresses) + "]}'\n");
        return Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private void launch(String name, List<String> options, String... mainAndArguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(System.getProperty("java.home") + "/bin/java", "-Xmx256m"));
        command.addAll(SMALL);
        for (String packageName : List.of("java.lang", "java.lang.invoke", "java.io", "java.net", "java.nio", "java.util", "java.util.concurrent",
                "java.util.concurrent.atomic", "sun.nio.ch", "sun.nio.cs", "sun.security.action", "sun.util.calendar")) {
            command.add("--add-opens=java.base/" + packageName + "=ALL-UNNAMED");
        }
        Path logging = folder.resolve("log4j2.properties");
        Files.writeString(logging, "rootLogger.level = info\nrootLogger.appenderRef.c.ref = c\nappender.c.type = Console\nappender.c.name = c\n"
                + "appender.c.layout.type = PatternLayout\nappender.c.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n\n");
        command.add("-Dlog4j2.configurationFile=" + logging);
        command.addAll(options);
        command.addAll(List.of("-cp", sparkHome().resolve("jars") + "/*"));
        command.addAll(List.of(mainAndArguments));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log(name).toFile());
        builder.environment().putAll(Map.of("SPARK_HOME", sparkHome().toString(), "SPARK_SCALA_VERSION", scalaVersion(), "SPARK_LOCAL_IP",
                "127.0.0.1"));
        processes.add(builder.start());
    }

    static String scalaVersion() {
        String version = scala.util.Properties.versionNumberString();
        return version.substring(0, version.lastIndexOf('.'));
    }

    private Path log(String name) {
        return folder.resolve(name + ".log");
    }

    private void awaitLog(String name, String text) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (System.nanoTime() < deadline) {
            String log = Files.exists(log(name)) ? Files.readString(log(name)) : "";
            if (log.contains(text)) {
                return;
            }
            Process process = processes.get(processes.size() - 1);
            if (!process.isAlive()) {
                throw new IllegalStateException(name + " ended with status " + process.exitValue() + ":\n" + log);
            }
            Thread.sleep(100);
        }
        throw new IllegalStateException(name + " did not say '" + text + "' within 60 s:\n" + Files.readString(log(name)));
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            return socket.getLocalPort();
        }
    }

    @Override
    public void close() {
        for (Process process : processes) {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
    }
}
