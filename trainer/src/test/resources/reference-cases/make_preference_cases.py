"""Makes reference cases of training on preferences beside the ones that are here: answers with labels, and rewards.

Run from this directory: python make_preference_cases.py. Losses are those of TRL's trainers, written out; with TRL installed they are compared with its own."""
import json, os, shutil
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification
from case_maker import config, create

F = torch.nn.functional
HERE = os.path.dirname(os.path.abspath(__file__))
N, S = 4, 20


def rows(vocabulary, seed):
    """2 N rows: the first N are answers, the others what stands beside each; rows i and N + i begin with the same prompt."""
    g = torch.Generator().manual_seed(seed)
    ids = torch.randint(3, vocabulary, (2 * N, S + 1), generator=g)
    ids[N:, :8] = ids[:N, :8]
    labels = ids[:, 1:].clone(); labels[:, :7] = -100
    return ids[:, :-1].contiguous(), labels.contiguous()


def log_probabilities(model, ids, labels):
    logits = model(input_ids=ids).logits.float().log_softmax(-1)
    return (logits.gather(-1, labels.clamp(min=0)[..., None])[..., 0] * (labels != -100)).sum(-1)


def gradients(model):
    return {"grad." + n: p.grad.detach().clone().contiguous() for n, p in model.named_parameters() if p.grad is not None}


def finish(d, ids, labels, expected, tensors):
    save_file({"input_ids": ids, "labels": labels}, d + "/inputs.safetensors")
    save_file(tensors, d + "/expected.safetensors")
    with open(d + "/expected.json", "w") as f: json.dump(expected, f, indent=1)
    print(os.path.basename(d), json.dumps(expected))


def write_model(model, d):
    model.save_pretrained(d)
    generation = d + "/generation_config.json"
    if os.path.exists(generation): os.remove(generation)


def moved(model, seed, deviation):
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in model.parameters(): p.add_(deviation * torch.randn(p.shape, generator=g))
    return model


def kto_case():
    """Each answer against the mean log-ratio of answers to other prompts, as KTOTrainer does with a batch of all rows."""
    d = HERE + "/qwen3-kto"; shutil.rmtree(d, ignore_errors=True); os.makedirs(d)
    cfg = config("qwen3", head_dim=8)
    policy = moved(create(cfg), 17, 0.02); reference = create(cfg)
    write_model(policy, d + "/policy"); write_model(reference, d + "/reference")
    ids, labels = rows(cfg.vocab_size, 5)
    desirable = torch.tensor([True, False, False, True])
    with torch.no_grad(): theirs = log_probabilities(reference, ids, labels)
    expected, tensors = {}, {}
    for tag, loss_type, beta, good, bad in [("kto", "kto", 0.1, 1.0, 1.0), ("weighted", "kto", 0.3, 0.8, 1.5), ("apo", "apo_zero_unpaired", 0.2, 1.0, 1.0)]:
        policy.zero_grad()
        own = log_probabilities(policy, ids, labels)
        kl = (own[N:] - theirs[N:]).mean().detach().clamp(min=0) if loss_type == "kto" else torch.zeros(())
        ratios = own[:N] - theirs[:N]
        chosen = 1 - F.sigmoid(beta * (ratios[desirable] - kl))
        rejected = 1 - F.sigmoid(beta * (kl - ratios[~desirable])) if loss_type == "kto" else F.sigmoid(beta * ratios[~desirable])
        loss = torch.cat((good * chosen, bad * rejected)).mean()
        compare_with_trl(loss, policy, reference, ids, labels, desirable, loss_type, beta, good, bad)
        loss.backward()
        figures = {"loss": loss, "kl": kl, "logps/chosen": own[:N][desirable].mean(), "logps/rejected": own[:N][~desirable].mean(),
                   "rewards/chosen": beta * ratios[desirable].mean(), "rewards/rejected": beta * ratios[~desirable].mean()}
        figures["rewards/margins"] = figures["rewards/chosen"] - figures["rewards/rejected"]
        expected[tag] = {"rlhf_type": "kto", "loss_type": loss_type, "beta": beta, "desirable_weight": good, "undesirable_weight": bad, "desirable": desirable.tolist(),
                         "figures": {n: float(v.detach()) for n, v in figures.items()}}
        tensors.update({tag + "." + n: t for n, t in gradients(policy).items()})
    finish(d, ids, labels, expected, tensors)


def compare_with_trl(loss, policy, reference, ids, labels, desirable, loss_type, beta, good, bad):
    try:
        from trl import KTOTrainer
    except ImportError:
        print("TRL is not installed: the loss is not compared with its own"); return
    import types, collections
    mask = torch.cat([torch.zeros(N, 1, dtype=torch.long), (labels[:N] != -100).long()], 1)
    full = lambda part: torch.cat([ids[part], labels[part][:, -1:]], 1)
    batch = {"input_ids": full(slice(0, N)), "attention_mask": torch.ones(N, S + 1, dtype=torch.long), "completion_mask": mask, "label": desirable,
             "KL_input_ids": full(slice(N, 2 * N)), "KL_attention_mask": torch.ones(N, S + 1, dtype=torch.long), "KL_completion_mask": mask}
    accelerator = types.SimpleNamespace(device=torch.device("cpu"), gather_for_metrics=lambda x: x, unwrap_model=lambda m: m)
    trainer = types.SimpleNamespace(model=policy, ref_model=reference, accelerator=accelerator, aux_loss_enabled=False, calculate_KL=loss_type == "kto",
                                    loss_type=loss_type, beta=beta, desirable_weight=good, undesirable_weight=bad, precompute_ref_logps=False, _total_train_tokens=0,
                                    _metrics=collections.defaultdict(lambda: collections.defaultdict(list)),
                                    args=types.SimpleNamespace(gradient_checkpointing_kwargs=None), use_liger_kernel=False)
    trainer._compute_kl_logps = types.MethodType(KTOTrainer._compute_kl_logps, trainer)
    found = KTOTrainer._compute_loss(trainer, policy, batch, False)
    assert abs(float(found.detach() - loss.detach())) < 1e-5, (float(found), float(loss))
    print("as TRL's:", float(found.detach()))


def reward_case():
    """One number from the last token of each answer; -log sigmoid of the difference less the margin, as RewardTrainer does."""
    d = HERE + "/qwen3-reward"; shutil.rmtree(d, ignore_errors=True); os.makedirs(d)
    cfg = config("qwen3", head_dim=8); cfg.num_labels = 1
    model = AutoModelForSequenceClassification.from_config(cfg, attn_implementation="eager").float().eval()
    base = create(config("qwen3", head_dim=8))
    model.model.load_state_dict(base.model.state_dict())
    g = torch.Generator().manual_seed(23)
    with torch.no_grad(): model.score.weight.copy_(0.3 * torch.randn(model.score.weight.shape, generator=g))
    write_model(model, d + "/policy")
    ids, labels = rows(cfg.vocab_size, 9)
    margins = torch.tensor([0.0, 0.5, 0.0, 1.25])
    def rewards(): return torch.cat([model(input_ids=ids[i:i + 1]).logits[:, 0] for i in range(2 * N)])
    expected, tensors = {}, {"rewards": rewards().detach()}
    for tag, coefficient, margin in [("plain", None, None), ("centered", 0.05, None), ("margin", 0.01, margins)]:
        model.zero_grad()
        r = rewards(); difference = r[:N] - r[N:]
        loss = -F.logsigmoid(difference - (margin if margin is not None else 0)).mean()
        center = coefficient * ((r[:N] + r[N:]) ** 2).mean() if coefficient else torch.zeros(())
        loss = loss + center
        loss.backward()
        figures = {"loss": loss, "rewards/chosen": r[:N].mean(), "rewards/rejected": r[N:].mean(), "rewards/accuracies": (difference > 0).float().mean(),
                   "rewards/margins": difference.mean()}
        if coefficient: figures["center_rewards_loss"] = center
        expected[tag] = {"rlhf_type": "rm", "center_rewards_coefficient": coefficient or 0, "margins": margin.tolist() if margin is not None else [0.0] * N,
                         "figures": {n: float(v.detach()) for n, v in figures.items()}}
        tensors.update({tag + "." + n: t for n, t in gradients(model).items()})
    finish(d, ids, labels, expected, tensors)


kto_case()
reward_case()
