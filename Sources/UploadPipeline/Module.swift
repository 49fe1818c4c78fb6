// UploadPipeline
