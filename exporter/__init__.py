"""Prometheus exporter for the chatbots of Huawei's AICC/CEC platform."""

__version__ = "0.1.0"
