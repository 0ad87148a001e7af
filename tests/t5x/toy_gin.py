"""Runs of toy tasks and of a stream as gin files, for tests that start the commands."""

TOY_GIN = """
from __gin__ import dynamic_registration

import __main__ as train_script
import seqio
from t5x import optimizers
from t5x import utils
from t5x.examples.t5 import network

include 't5x/examples/t5/t5_1_1/tiny.gin'
include 'gin/run/multitask.gin'

MIXTURE_OR_TASK_NAME = 'toy'
MIXTURE_OR_TASK_MODULE = 'tests.t5x.toy_tasks'
TASK_FEATURE_LENGTHS = {'inputs': 24, 'targets': 12}
VOCABULARY = @seqio.ByteVocabulary()
OPTIMIZER = @optimizers.adamw()
TRAIN_STEPS = 90
BATCH_SIZE = 8
DROPOUT_RATE = 0.1
EVAL_PERIOD = 30
EVAL_STEPS = 1
EVALUATOR_NUM_EXAMPLES = 10

train_script.train:
  stats_period = 5
  report_fn = None
utils.SaveCheckpointConfig.period = 6
utils.create_learning_rate_scheduler:
  factors = 'constant * linear_warmup'
  base_learning_rate = 0.003
  warmup_steps = 20
network.T5Config:
  vocab_size = 384
  dtype = 'float32'
  emb_dim = 16
  num_heads = 2
  num_encoder_layers = 1
  num_decoder_layers = 1
  head_dim = 8
  mlp_dim = 16
"""

STREAM_GIN = """
from __gin__ import dynamic_registration

import __main__ as train_script
from t5x import models
from t5x import optimizers
from t5x import stream
from t5x import utils
from t5x.examples.t5 import network

include 't5x/configs/runs/pretrain.gin'
include 'gin/mixture/exact.gin'

MIXTURE_OR_TASK_NAME = 'stream_even'
TASK_FEATURE_LENGTHS = {'inputs': 40, 'targets': 24}
BATCH_SIZE = 8
EVAL_STEPS = 2
utils.create_learning_rate_scheduler.factors = 'constant'

train_script.train:
  train_eval_dataset_cfg = @train/utils.DatasetConfig()
  train_eval_get_dataset_fn = @stream.WatchedStreams()
  stats_period = 2
stream.WatchedStreams.folders = [%STREAM]
utils.SaveCheckpointConfig.period = 2

VOCABULARY = @stream.StreamVocabulary()
stream.StreamVocabulary.folder = %STREAM
MODEL = @models.EncoderDecoderModel()
models.EncoderDecoderModel:
  module = @network.Transformer()
  input_vocabulary = %VOCABULARY
  output_vocabulary = %VOCABULARY
  optimizer_def = @optimizers.adamw()
network.Transformer.config = @network.T5Config()
network.T5Config:
  vocab_size = 384
  dtype = 'float32'
  emb_dim = 16
  num_heads = 2
  num_encoder_layers = 1
  num_decoder_layers = 1
  head_dim = 8
  mlp_dim = 16
  dropout_rate = 0.1
"""
